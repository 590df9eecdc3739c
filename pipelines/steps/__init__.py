"""The steps of which pipelines are made; one file each, with its artifacts' names in its annotations.

Those that score a batch in shards share a file.
"""

from pipelines.steps.data_loader import data_loader
from pipelines.steps.feature_engineering import feature_engineering
from pipelines.steps.input_validator import input_validator
from pipelines.steps.model_evaluator import model_evaluator
from pipelines.steps.model_trainer import model_trainer
from pipelines.steps.predictor import predictor
from pipelines.steps.release_evaluator import release_evaluator
from pipelines.steps.sharded_inference import profile_merger, shard_predictor, shard_publisher, shard_validator
from pipelines.steps.validation_loader import validation_loader

__all__ = [
    "data_loader",
    "feature_engineering",
    "input_validator",
    "model_evaluator",
    "model_trainer",
    "predictor",
    "profile_merger",
    "release_evaluator",
    "shard_predictor",
    "shard_publisher",
    "shard_validator",
    "validation_loader",
]
