"""Scores a batch with a released model."""

from typing import Any

from zenml import pipeline
from zenml.client import Client

from pipelines.config import ModelConfig
from pipelines.input_profile import check_shards
from pipelines.steps import (
    input_validator,
    predictor,
    profile_merger,
    shard_predictor,
    shard_publisher,
    shard_validator,
)


@pipeline(enable_cache=False)  # data may have changed behind the same path
def batch_inference_pipeline(
    config: ModelConfig,
    release_id: str,
    digest: str,
    model_version: str,
    data: str | None = None,
    shards: int | None = None,
) -> None:
    """Check a batch against a release's signature, then score it.

    ``release_id`` is the id of the artifact version that holds the model's folder, and ``digest`` the folder's digest.
    ``model_version`` is written beside every prediction. ``data`` is a CSV or Parquet file at a path or in a bucket;
    None scores the config's own source. With ``shards`` (the config's when None) above 1, ``data`` is a folder of
    Parquet parts, of which that many steps check and score a share each, at once where the orchestrator can.

    Raises:
        DataSourceError: the data cannot be divided so.
    """
    config = ModelConfig.model_validate(config)
    shards = config.inference.shards if shards is None else shards
    release = Client().get_artifact_version(release_id)
    given: dict[str, Any] = {"config": config, "release": release, "digest": digest, "data": data}
    if shards == 1:
        predictor(**given, model_version=model_version, input_profile=input_validator(**given))
        return
    check_shards(config, data, shards)
    profiles = [
        shard_validator(**given, shard=shard, shards=shards, id=f"shard_validator_{shard}") for shard in range(shards)
    ]
    input_profile = profile_merger(profiles=profiles)
    parts = [
        shard_predictor(
            **given,
            model_version=model_version,
            input_profile=input_profile,
            shard=shard,
            id=f"shard_predictor_{shard}",
        )
        for shard in range(shards)
    ]
    shard_publisher(
        release=release, digest=digest, model_version=model_version, input_profile=input_profile, parts=parts
    )
