"""What a gate is: one object that its module exports as ``GATE``, from which everything else derives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipelines.artifacts import MODEL

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse, PipelineRunResponse
    from zenml.steps.entrypoint_function_utils import StepArtifact

    from environments import Environment, Gates
    from governance.core.target import Target
    from governance.gates.context import GateContext
    from governance.gates.result import Check, GateResult
    from governance.gates.synthetic import SyntheticData
    from governance.records.journal import Journal
    from pipelines.config import ModelConfig

Kind = Literal["trains", "judges a release", "scores"]
"""What a pipeline does, as far as gates are concerned."""

Artifacts = Mapping[str, "StepArtifact"]
"""What a pipeline puts out, by artifact name."""

DATA_QUALITY = "Data quality"
"""The part of a report's summary that gates on data count for."""

RELEASE_PARAMETERS = ("release_id", "digest")
"""How a pipeline that judges a release, or scores with it, is told which: gates load the same one themselves."""


@dataclass(frozen=True)
class AttachContext:
    """What a gate is told of the run that it is attached to."""

    target: Target
    config: ModelConfig
    journal: Journal
    gate_context: GateContext
    version: str | None
    parameters: Mapping[str, Any]

    @property
    def common(self) -> dict[str, Any]:
        """What each gate on a model is given."""
        return {"gates": self.target.environment.gates, "context": self.gate_context}

    @property
    def limits(self) -> dict[str, Any]:
        """What each gate on data is given."""
        return {"limits": self.target.environment.data_quality, "context": self.gate_context}

    @property
    def release(self) -> dict[str, Any]:
        """The release that is judged, as a step takes it."""
        from zenml.client import Client

        release_id, digest = (self.parameters[name] for name in RELEASE_PARAMETERS)
        return {"release": Client().get_artifact_version(release_id), "digest": digest}


@dataclass(frozen=True)
class PromotionContext:
    """The promotion of ``candidate`` into ``target``'s environment, by what ``run`` measured."""

    candidate: ModelVersionResponse
    target: Target
    run: PipelineRunResponse


@dataclass(frozen=True)
class ControlContext:
    """Made-up people and models, and the environment whose limits judge them."""

    environment: Environment
    synthetic: SyntheticData
    gate_context: GateContext

    @property
    def gates(self) -> Gates:
        """How gates conclude there."""
        return self.environment.gates


@dataclass(frozen=True)
class Control:
    """Something that a gate must let pass or, if ``because`` names a check, must stop by that check."""

    name: str
    because: str | None
    judge: Callable[[], GateResult]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What must say yes before something goes on."""

    name: str
    overridable: bool = True
    """Whether a signed statement may set it aside."""


@dataclass(frozen=True, kw_only=True)
class PipelineGate(Gate):
    """A gate that is a step of a pipeline."""

    result: str
    """The artifact that holds its result."""
    pipelines: tuple[Kind, ...]
    """The kinds of pipeline that must pass it."""
    needs: tuple[str, ...]
    """The artifacts it judges, besides the model."""
    attach: Callable[[AttachContext, Artifacts], None]
    """Adds its step, before any other step of its own, to the pipeline that is compiled."""
    controls: Callable[[ControlContext], list[Control]]
    """What it must stop, and what it must let pass, under an environment's limits."""
    judge_again: Callable[[GateResult, Target], list[Check]] | None = None
    """Holds what was measured against the limits of where a promotion leads; needed unless it only judges scoring."""
    refusal: Callable[[GateResult, PromotionContext], str] = lambda *_: ""
    """Says why its result does not count for a promotion, beyond what holds for every gate; empty where it does."""
    guards: tuple[str, ...] = ()
    """Artifacts whose other users wait for its verdict."""
    stops_unproven: bool = True
    """Whether it also stops what it cannot conclude on; else that is only written down."""
    judges_model: bool = False
    """Whether it judges a model, which it takes from training or loads by the release's digest."""
    environments: tuple[str, ...] | None = None
    """Where it is asked; everywhere, in environments of a clone's own too, unless some are named."""
    section: str = ""
    """The part of a report's summary that its verdict counts for."""
    control_rows: Callable[[Environment], int] = lambda _: 0
    """Rows that its controls need so that no limit on their number is missed."""

    def __post_init__(self) -> None:
        """Refuse a gate whose verdict a promotion could not judge again.

        Raises:
            ValueError: ``judge_again`` is missing.
        """
        if self.judge_again is None and set(self.pipelines) - {"scores"}:
            raise ValueError(f"The gate {self.name!r} judges what is promoted, so it needs judge_again.")

    def goes_on(self, result: GateResult) -> bool:
        """Return whether a run goes on after ``result`` of this gate."""
        return result.settled or (not self.stops_unproven and result.verdict != "failed")

    def require(self, result: GateResult) -> GateResult:
        """Return ``result``, if a run goes on after it.

        Raises:
            GateFailedError: it does not.
        """
        return result if self.goes_on(result) else result.require()

    def needs_of(self, kind: Kind) -> tuple[str, ...]:
        """Return the artifacts that a pipeline of ``kind`` must put out for this gate."""
        return (MODEL, *self.needs) if self.judges_model and kind == "trains" else self.needs

    def parameters_of(self, kind: Kind) -> tuple[str, ...]:
        """Return the parameters that a pipeline of ``kind`` must be given for this gate."""
        return RELEASE_PARAMETERS if self.judges_model and kind != "trains" else ()
