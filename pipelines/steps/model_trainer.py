"""Trains the model."""

from typing import Annotated

import pandas as pd
from sklearn.base import BaseEstimator
from zenml import ArtifactConfig, step
from zenml.enums import ArtifactType

from pipelines.artifacts import MODEL
from pipelines.config import ModelConfig
from pipelines.data import DataDescription
from pipelines.materializers import TrainedModelMaterializer
from pipelines.model import TrainedModel, train_model


@step(output_materializers={MODEL: TrainedModelMaterializer})
def model_trainer(
    config: ModelConfig,
    training_data: pd.DataFrame,
    features: BaseEstimator,
    data_description: DataDescription,
    validation_data: pd.DataFrame | None = None,
) -> Annotated[TrainedModel, ArtifactConfig(name=MODEL, artifact_type=ArtifactType.MODEL)]:
    """Fit the config's estimator behind the fitted features; what it says of ``validation_data`` is only kept."""
    return train_model(config, data_description, training_data, features, validation_data)
