"""Which gates a pipeline must pass, told from the artifacts it puts out, and how each is attached to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zenml.client import Client

from environments import ORDER
from governance.core.target import Target
from governance.gates import champion, data_quality, drift, drift_report, fairness, performance
from governance.gates.champion import ChampionRelease
from governance.gates.context import GateContext
from pipelines.artifacts import EVALUATION, INPUT_PROFILE, MODEL, PREDICTIONS, TRAINING_DATA, VALIDATION_DATA
from pipelines.config import ModelConfig
from pipelines.model import TrainedModel

if TYPE_CHECKING:
    from zenml.steps.entrypoint_function_utils import StepArtifact

    Artifacts = Mapping[str, StepArtifact]

JUDGED = (TRAINING_DATA, VALIDATION_DATA, MODEL, EVALUATION, INPUT_PROFILE)
"""Artifacts that gates judge; a pipeline puts out each at most once."""

RELEASE_PARAMETERS = ("release_id", "digest")
"""How a pipeline that judges a release is told which: gates load the same one themselves."""


@dataclass(frozen=True)
class AttachContext:
    """What gates are told of the run that they are attached to."""

    target: Target
    config: ModelConfig
    terms: GateContext
    version: str | None
    parameters: Mapping[str, Any]
    champion: ChampionRelease | None

    @property
    def common(self) -> dict[str, Any]:
        """What each gate on a model is given."""
        return {"gates": self.target.environment.gates, "terms": self.terms}

    @property
    def limits(self) -> dict[str, Any]:
        """What each gate on data is given."""
        return {"limits": self.target.environment.data_quality, "terms": self.terms}

    @property
    def release(self) -> dict[str, Any]:
        """The release that is judged, as a step takes it."""
        release_id, digest = (self.parameters[name] for name in RELEASE_PARAMETERS)
        return {"release": Client().get_artifact_version(release_id), "digest": digest}


@dataclass(frozen=True)
class Gate:
    """A gate, the artifacts it needs, and those whose other users wait for its verdict."""

    name: str
    needs: tuple[str, ...]
    attach: Callable[[AttachContext, Artifacts], None]
    guards: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()


def required_gates(outputs: Artifacts, environment: str) -> tuple[Gate, ...]:
    """The gates that a pipeline with these outputs must pass in ``environment``.

    One that trains (it puts out a model, by artifact name or by type), one that judges a release (it puts out an
    evaluation and no model), and one that scores (it puts out predictions or the profile of a batch). One that does
    none of these has nothing to judge. A release is compared with the champion in the last environment before
    production.
    """
    trains = MODEL in outputs or any(
        artifact.annotation.resolved_annotation is TrainedModel for artifact in outputs.values()
    )
    gates: list[Gate] = []
    if trains:
        gates += [_TRAINING_DATA, _HELD_OUT, _PERFORMANCE, _FAIRNESS]
    elif EVALUATION in outputs:
        gates += [_HELD_OUT, _RELEASE_PERFORMANCE, _RELEASE_FAIRNESS, _DRIFT]
        gates += [_CHAMPION] if compares_with_champion(environment) else []
    if PREDICTIONS in outputs or INPUT_PROFILE in outputs:
        gates.append(_INPUT)
    return tuple(gates)


def compares_with_champion(environment: str) -> bool:
    """Whether a release that is judged in ``environment`` is a challenger."""
    return environment in ORDER[-2:-1]


def _training_data(now: AttachContext, found: Artifacts) -> None:
    columns = data_quality.Columns.of(now.config)
    data_quality.validate_data_quality(found[TRAINING_DATA], columns=columns, **now.limits)


def _held_out(now: AttachContext, found: Artifacts) -> None:
    columns = data_quality.Columns.of(now.config)
    data_quality.validate_held_out_data(found[VALIDATION_DATA], columns=columns, **now.limits)


def _input(now: AttachContext, found: Artifacts) -> None:
    data_quality.validate_input(found[INPUT_PROFILE], **now.limits)


def _performance(now: AttachContext, found: Artifacts) -> None:
    performance.validate_model_performance(
        model=found[MODEL],
        validation_data=found[VALIDATION_DATA],
        evaluation=found[EVALUATION],
        thresholds=now.target.thresholds,
        overlap=now.target.environment.data_quality.duplicate_share,
        **now.common,
    )


def _release_performance(now: AttachContext, found: Artifacts) -> None:
    performance.validate_release_performance(
        **now.release,
        validation_data=found[VALIDATION_DATA],
        evaluation=found[EVALUATION],
        thresholds=now.target.thresholds,
        overlap=now.target.environment.data_quality.duplicate_share,
        **now.common,
    )


def _fairness(now: AttachContext, found: Artifacts) -> None:
    fairness.validate_fairness(
        model=found[MODEL],
        validation_data=found[VALIDATION_DATA],
        attributes=now.config.attributes,
        **now.common,
    )


def _release_fairness(now: AttachContext, found: Artifacts) -> None:
    fairness.validate_release_fairness(
        **now.release, validation_data=found[VALIDATION_DATA], attributes=now.config.attributes, **now.common
    )


def _drift(now: AttachContext, found: Artifacts) -> None:
    release = now.release
    result = drift.validate_drift(**release, validation_data=found[VALIDATION_DATA], **now.common)
    drift_report.draw_drift(**release, validation_data=found[VALIDATION_DATA], result=result)


def _champion(now: AttachContext, found: Artifacts) -> None:
    if now.champion is None:
        champion.validate_without_champion(
            digest=now.parameters["digest"], validation_data=found[VALIDATION_DATA], terms=now.terms
        )
        return
    champion.validate_against_champion(
        **now.release,
        champion_release=Client().get_artifact_version(now.champion.release_id),
        champion=now.champion,
        version=str(now.version),
        validation_data=found[VALIDATION_DATA],
        attributes=now.config.attributes,
        **now.common,
    )


_MODEL_ROWS = (MODEL, VALIDATION_DATA)
_TRAINING_DATA = Gate(data_quality.NAME, (TRAINING_DATA,), _training_data, (TRAINING_DATA,))
_HELD_OUT = Gate(data_quality.HELD_OUT, (VALIDATION_DATA,), _held_out, (VALIDATION_DATA,))
_INPUT = Gate(data_quality.INPUT, (INPUT_PROFILE,), _input, (INPUT_PROFILE,))
_PERFORMANCE = Gate(performance.NAME, (*_MODEL_ROWS, EVALUATION), _performance, (EVALUATION,))
_FAIRNESS = Gate(fairness.NAME, _MODEL_ROWS, _fairness)
_RELEASE_PERFORMANCE = Gate(
    performance.NAME,
    (VALIDATION_DATA, EVALUATION),
    _release_performance,
    (EVALUATION,),
    RELEASE_PARAMETERS,
)
_RELEASE_FAIRNESS = Gate(fairness.NAME, (VALIDATION_DATA,), _release_fairness, parameters=RELEASE_PARAMETERS)
_DRIFT = Gate(drift.NAME, (VALIDATION_DATA,), _drift, parameters=RELEASE_PARAMETERS)
_CHAMPION = Gate(champion.NAME, (VALIDATION_DATA,), _champion, parameters=RELEASE_PARAMETERS)
