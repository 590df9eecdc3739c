"""Trains a model from its config."""

from zenml import pipeline

from pipelines.config import ModelConfig
from pipelines.steps import data_loader, feature_engineering, model_evaluator, model_trainer


@pipeline(enable_cache=False)  # data may have changed behind the same path
def training_pipeline(config: ModelConfig) -> None:
    """Load and divide the data, fit features and classifier, and judge the model on the held-out rows."""
    training_data, validation_data, data_description = data_loader(config=config)
    features = feature_engineering(config=config, training_data=training_data)
    model = model_trainer(
        config=config,
        training_data=training_data,
        features=features,
        data_description=data_description,
        validation_data=validation_data,
    )
    model_evaluator(model=model, validation_data=validation_data)
