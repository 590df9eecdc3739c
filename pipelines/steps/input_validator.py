"""Checks a batch before it is scored."""

from pathlib import Path
from typing import Annotated

from zenml import step

from pipelines.artifacts import INPUT_PROFILE
from pipelines.config import ModelConfig
from pipelines.input_profile import InputProfile, profile_input
from pipelines.model import read_model


@step
def input_validator(
    config: ModelConfig, release: Path, digest: str, data: str | None = None
) -> Annotated[InputProfile, INPUT_PROFILE]:
    """Read all of ``data`` (the config's source when None) against the released model's signature."""
    return profile_input(config, read_model(release, digest).signature, data)
