"""Scores a batch with a released model."""

from zenml import pipeline
from zenml.client import Client

from pipelines.config import ModelConfig
from pipelines.steps import input_validator, predictor


@pipeline(enable_cache=False)  # data may have changed behind the same path
def batch_inference_pipeline(
    config: ModelConfig, release_id: str, digest: str, model_version: str, data: str | None = None
) -> None:
    """Check a batch against a release's signature, then score it.

    ``release_id`` is the id of the artifact version that holds the model's folder, and ``digest`` the folder's digest.
    ``model_version`` is written beside every prediction. ``data`` is a path, a bucket's URL or a source's section in
    braces; None scores the config's own source.
    """
    release = Client().get_artifact_version(release_id)
    input_profile = input_validator(config=config, release=release, digest=digest, data=data)
    predictor(
        config=config,
        release=release,
        digest=digest,
        model_version=model_version,
        input_profile=input_profile,
        data=data,
    )
