"""Reads, labels and divides a model's data."""

from typing import Annotated

import pandas as pd
from zenml import get_step_context, log_metadata, step
from zenml.metadata.metadata_types import MetadataType

from pipelines.artifacts import DATA_DESCRIPTION, TRAINING_DATA, VALIDATION_DATA
from pipelines.config import ModelConfig
from pipelines.data import DataDescription, load_training_sets


@step(enable_artifact_visualization=False)  # a visualisation would copy rows of data as plain text
def data_loader(
    config: ModelConfig,
) -> tuple[
    Annotated[pd.DataFrame, TRAINING_DATA],
    Annotated[pd.DataFrame, VALIDATION_DATA],
    Annotated[DataDescription, DATA_DESCRIPTION],
]:
    """Read the config's source: training rows, held-out rows, and what they are."""
    sets = load_training_sets(config)
    for artifact, digest in (
        (TRAINING_DATA, sets.description.training_digest),
        (VALIDATION_DATA, sets.description.validation_digest),
    ):
        log_metadata(metadata={"digest": digest}, artifact_name=artifact, infer_artifact=True)
    described = sets.description
    source: dict[str, MetadataType] = {
        "location": described.source,
        "selection": described.selection or "every row",
        "rows": described.source_rows,
        "digest": described.source_digest,
    }
    log_metadata(metadata={"source": source}, run_id_name_or_prefix=get_step_context().pipeline_run.id)
    return sets.training, sets.validation, sets.description
