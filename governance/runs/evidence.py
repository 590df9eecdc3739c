"""Reading what a run left behind: its evaluation, its digests and the verdicts of its gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.gates.result import SUFFIX, GateResult, metadata_key
from governance.records.context import context_of
from pipelines.artifacts import EVALUATION, PREDICTIONS
from pipelines.evaluation import Evaluation
from pipelines.prediction_summary import PredictionSummary

if TYPE_CHECKING:
    from zenml.models import ArtifactVersionResponse, PipelineRunResponse


def outputs_of(run: PipelineRunResponse) -> dict[str, ArtifactVersionResponse]:
    """Return artifacts that the steps of ``run`` put out, by artifact name; the newest where a name recurs."""
    return {name: found[-1] for step in run.steps.values() for name, found in step.outputs.items() if found}


def evaluation_of(run: PipelineRunResponse) -> Evaluation | None:
    """Return the evaluation that ``run`` made, if it came that far."""
    artifact = outputs_of(run).get(EVALUATION)
    if artifact is None:
        return None
    loaded = artifact.load()
    assert isinstance(loaded, Evaluation)
    return loaded


def predictions_of(run: PipelineRunResponse) -> PredictionSummary | None:
    """Return the summary of the predictions that ``run`` wrote, if it came that far."""
    artifact = outputs_of(run).get(PREDICTIONS)
    if artifact is None:
        return None
    loaded = artifact.load()
    assert isinstance(loaded, PredictionSummary)
    return loaded


def verdict_of(run: PipelineRunResponse, gate: str) -> GateResult | None:
    """Return what ``gate`` decided in ``run``, if it was reached."""
    logged = run.run_metadata.get(metadata_key(gate))
    if not isinstance(logged, dict):
        return None
    return GateResult.model_validate({key: value for key, value in logged.items() if key not in ("passed", "digest")})


def verdicts_of(run: PipelineRunResponse) -> list[GateResult]:
    """Return what each gate that ``run`` reached decided, in the order in which the gates were attached."""
    context = context_of(run)
    found = (verdict_of(run, gate) for gate in (context.gates if context is not None else ()))
    return [result for result in found if result is not None]


def data_digests(run: PipelineRunResponse) -> dict[str, str]:
    """Return the digest of the data each gate of ``run`` judged, by gate."""
    found = {}
    for key, logged in run.run_metadata.items():
        if key.endswith(SUFFIX) and isinstance(logged, dict):
            found[key.removesuffix(SUFFIX)] = str(logged["evidence"]["data"])
    return found
