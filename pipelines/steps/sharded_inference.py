"""The steps that check and score a folder of parts in several shards at once."""

from datetime import UTC
from pathlib import Path
from typing import Annotated

from zenml import get_step_context, step
from zenml.client import Client

from pipelines.artifacts import INPUT_PROFILE, PREDICTIONS
from pipelines.config import ModelConfig
from pipelines.input_profile import InputProfile, merge_profiles, open_input, profile_input
from pipelines.model import read_model
from pipelines.prediction_summary import PredictionSummary, ScoredRows
from pipelines.publication import publish, publish_parts
from pipelines.scoring import Batch, summarise, write_predictions
from pipelines.sources.shard import Shard
from pipelines.steps.predictor import log_summary, predictions_folder, require_wanted, work_folder


@step
def shard_validator(
    config: ModelConfig, release: Path, digest: str, shard: int, shards: int, data: str | None = None
) -> Annotated[InputProfile, "shard_profile"]:
    """Read all of a shard of ``data`` against the released model's signature."""
    return profile_input(config, read_model(release, digest).signature, data, Shard(shard, shards))


@step
def profile_merger(profiles: list[InputProfile]) -> Annotated[InputProfile, INPUT_PROFILE]:
    """Put the shards' profiles together, for the gate judges the whole batch."""
    return merge_profiles(profiles)


@step
def shard_predictor(
    config: ModelConfig,
    release: Path,
    digest: str,
    model_version: str,
    input_profile: InputProfile,
    shard: int,
    data: str | None = None,
) -> Annotated[ScoredRows, "shard_predictions"]:
    """Score a shard of ``data`` into a part that nobody sees until all are there."""
    model = read_model(release, digest)
    rows = [part.rows for part in input_profile.shards]
    table = open_input(config, model.signature, data, Shard(shard, len(rows)))
    store = Client().active_stack.artifact_store
    with publish(store, f"{work_folder(model.signature.model)}/{_STAGING}/{_part(shard)}") as file:
        return write_predictions(
            model, table, input_profile.shards[shard].data_digest, _batch(model_version), file, sum(rows[:shard])
        )


@step
def shard_publisher(
    release: Path, digest: str, model_version: str, input_profile: InputProfile, parts: list[ScoredRows]
) -> Annotated[PredictionSummary, PREDICTIONS]:
    """Publish all shards' predictions as the folder ``predictions/<model>/<run id>/`` of the artifact store.

    In a run whose predictions are held they become a whole folder among what is pending.
    """
    model = read_model(release, digest)
    folder = work_folder(model.signature.model)
    uri = predictions_folder(model.signature.model)
    summary = summarise(model, parts, input_profile, _batch(model_version), uri)
    names = {_part(shard): part.rows for shard, part in enumerate(parts)}
    require_wanted()
    publish_parts(Client().active_stack.artifact_store, f"{folder}/{_STAGING}", folder, names)
    log_summary(summary)
    return summary


# Names that begin so are no part of a data set to Spark, Arrow and our own reading.
_STAGING = "_staging"


def _part(shard: int) -> str:
    return f"part-{shard:05}.parquet"


def _batch(model_version: str) -> Batch:
    """Return who scores; the time is the run's start, which is the same in all shards."""
    run = get_step_context().pipeline_run
    return Batch(model_version, str(run.id), (run.start_time or run.created).replace(tzinfo=UTC))
