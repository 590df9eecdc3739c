"""Scores a batch."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from zenml import get_step_context, log_metadata, step
from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.metadata.metadata_types import MetadataType

from pipelines.artifacts import HELD, PREDICTIONS
from pipelines.config import ModelConfig
from pipelines.input_profile import InputProfile, open_input
from pipelines.model import read_model
from pipelines.prediction_summary import PredictionSummary
from pipelines.publication import RunStoppedError, pending_folder, publish, published_folder
from pipelines.scoring import Batch, score

_FILE = "predictions.parquet"


@step
def predictor(
    config: ModelConfig,
    release: Path,
    digest: str,
    model_version: str,
    input_profile: InputProfile,
    data: str | None = None,
) -> Annotated[PredictionSummary, PREDICTIONS]:
    """Score ``data`` (the config's source when None) into ``predictions/<model>/<run id>/`` of the artifact store."""
    model = read_model(release, digest)
    context = get_step_context()
    run = str(context.pipeline_run.id)
    store = Client().active_stack.artifact_store
    uri = f"{predictions_folder(model.signature.model)}/{_FILE}"
    batch = Batch(model_version, run, datetime.now(UTC))
    with publish(store, f"{work_folder(model.signature.model)}/{_FILE}") as file:
        summary = score(model, open_input(config, model.signature, data), input_profile, batch, file, uri)
        require_wanted()
    log_summary(summary)
    return summary


def require_wanted() -> None:
    """Go on only if this step's run was neither stopped nor has failed since the step began.

    Raises:
        RunStoppedError: whoever waited for the run gave it up, or another step failed.
    """
    run = Client().get_pipeline_run(get_step_context().pipeline_run.id, hydrate=False)
    if run.status.is_finished or run.status == ExecutionStatus.STOPPING:
        raise RunStoppedError(f"Run {run.name} is {run.status}, so its predictions are not published.")


def predictions_folder(model: str) -> str:
    """Return where this run's predictions of ``model`` are found once they are published."""
    return published_folder(*_place(model))


def work_folder(model: str) -> str:
    """Return where this run's steps put predictions of ``model``: a pending folder, if somebody else publishes them."""
    held = get_step_context().pipeline_run.config.extra.get(HELD, False)
    return (pending_folder if held else published_folder)(*_place(model))


def _place(model: str) -> tuple[str, str, str]:
    return Client().active_stack.artifact_store.path, model, str(get_step_context().pipeline_run.id)


def log_summary(summary: PredictionSummary) -> None:
    """Log what was predicted with the run and, where it has one, with its model version."""
    metadata, context = _metadata(summary), get_step_context()
    log_metadata(metadata=metadata, run_id_name_or_prefix=context.pipeline_run.id)
    if context.model_version is not None:
        log_metadata(metadata=metadata, infer_model=True)


def _metadata(summary: PredictionSummary) -> dict[str, MetadataType]:
    """Return what is worth seeing without opening the artifact."""
    figures = summary.model_dump(mode="json", exclude={"columns", "histogram", "input", "meaning", "score_places"})
    return {
        "predictions": {
            **figures,
            "input_selection": summary.input.selection or "every row",
            "input": summary.input.location,
            "input_digest": summary.input.data_digest,
        },
    }
