"""Reads the rows on which a released model is judged."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from zenml import log_metadata, step

from pipelines.artifacts import VALIDATION_DATA
from pipelines.config import ModelConfig
from pipelines.data import data_digest, load_validation_set
from pipelines.model import read_model


@step(enable_artifact_visualization=False)  # a visualisation would copy rows of data as plain text
def validation_loader(config: ModelConfig, release: Path, digest: str) -> Annotated[pd.DataFrame, VALIDATION_DATA]:
    """Read the config's held-out rows, labelled as the released model defines the label."""
    frame = load_validation_set(config, read_model(release, digest).signature)
    log_metadata(metadata={"digest": data_digest(frame)}, artifact_name=VALIDATION_DATA, infer_artifact=True)
    return frame
