"""Every gate, in the order in which runs pass them. A new gate is a module of its own and a line here."""

from __future__ import annotations

from typing import Any

from governance.gates import (
    budget,
    champion,
    data_quality,
    drift,
    fairness,
    held_out_data,
    input_quality,
    performance,
    prediction_drift,
)
from governance.gates.gate import Artifacts, Gate, Kind, PipelineGate
from governance.gates.result import GateResult
from pipelines.artifacts import EVALUATION, INPUT_PROFILE, MODEL, PREDICTIONS
from pipelines.model import TrainedModel
from pipelines.onnx_models import OnnxModel

GATES: tuple[Gate, ...] = (
    data_quality.GATE,
    held_out_data.GATE,
    input_quality.GATE,
    prediction_drift.GATE,
    performance.GATE,
    fairness.GATE,
    drift.GATE,
    champion.GATE,
    budget.GATE,
)
PIPELINE_GATES = tuple(gate for gate in GATES if isinstance(gate, PipelineGate))

OVERRIDABLE = tuple(gate.name for gate in GATES if gate.overridable)
"""Names of the gates that a signed statement may set aside."""

JUDGED = tuple(
    dict.fromkeys(name for gate in PIPELINE_GATES for kind in gate.pipelines for name in gate.needs_of(kind))
)
"""Artifacts that gates judge; a pipeline puts out each at most once."""


def gates_for(kind: Kind, environment: str) -> tuple[PipelineGate, ...]:
    """Return the gates that a pipeline of ``kind`` must pass in ``environment``."""
    return tuple(
        gate
        for gate in PIPELINE_GATES
        if kind in gate.pipelines and (gate.environments is None or environment in gate.environments)
    )


def required_gates(outputs: Artifacts, environment: str) -> tuple[tuple[PipelineGate, Kind], ...]:
    """Return the gates that a pipeline with these outputs must pass in ``environment``, and as what it passes each.

    One that trains puts out a model, by artifact name or by type; one that judges a release puts out an evaluation and
    no model; one that scores puts out predictions or the profile of a batch. One that does none of these has nothing
    to judge.
    """
    kinds: list[Kind] = []
    if MODEL in outputs or any(is_model(found.annotation.resolved_annotation) for found in outputs.values()):
        kinds.append("trains")
    elif EVALUATION in outputs:
        kinds.append("judges a release")
    if PREDICTIONS in outputs or INPUT_PROFILE in outputs:
        kinds.append("scores")
    return tuple((gate, kind) for kind in kinds for gate in gates_for(kind, environment))


def is_model(annotation: Any) -> bool:
    """Return whether a step's output of this type is a model, by whatever name."""
    from sklearn.base import ClassifierMixin, RegressorMixin

    models = (TrainedModel, OnnxModel, ClassifierMixin, RegressorMixin)
    return isinstance(annotation, type) and issubclass(annotation, models)


def goes_on(result: GateResult) -> bool:
    """Return whether a run goes on after ``result``, as its gate has it; one that is no more goes on when settled."""
    gate = next((gate for gate in PIPELINE_GATES if gate.name == result.gate), None)
    return result.settled if gate is None else gate.goes_on(result)


def section_of(name: str) -> str:
    """Return the part of a report's summary that the gate ``name`` counts for; empty for a gate that is no more."""
    return next((gate.section for gate in PIPELINE_GATES if gate.name == name), "")
