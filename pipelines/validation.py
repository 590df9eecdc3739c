"""Judges a released model in the environment it was released to."""

from zenml import pipeline
from zenml.client import Client

from pipelines.config import ModelConfig
from pipelines.steps import release_evaluator, validation_loader


@pipeline(enable_cache=False)  # data may have changed behind the same path
def validation_pipeline(config: ModelConfig, release_id: str, digest: str) -> None:
    """Evaluate a release on the config's held-out rows.

    ``release_id`` is the id of the artifact version that holds the model's folder, and ``digest`` the folder's digest.
    """
    release = Client().get_artifact_version(release_id)
    validation_data = validation_loader(config=config, release=release, digest=digest)
    release_evaluator(release=release, digest=digest, validation_data=validation_data)
