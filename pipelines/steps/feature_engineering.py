"""Fits the features."""

from typing import Annotated

import pandas as pd
from sklearn.base import BaseEstimator
from zenml import step

from pipelines.artifacts import FEATURES
from pipelines.config import ModelConfig
from pipelines.features import fit_features
from pipelines.materializers import FeaturesMaterializer


@step(output_materializers={FEATURES: FeaturesMaterializer})
def feature_engineering(config: ModelConfig, training_data: pd.DataFrame) -> Annotated[BaseEstimator, FEATURES]:
    """Fit imputation, scaling and coding on the training rows."""
    return fit_features(config.features, training_data, config.split.seed)
