"""Judges the model that was just trained."""

from typing import Annotated

import pandas as pd
from zenml import step

from pipelines.artifacts import EVALUATION
from pipelines.evaluation import Evaluation, evaluate
from pipelines.model import TrainedModel


@step
def model_evaluator(model: TrainedModel, validation_data: pd.DataFrame) -> Annotated[Evaluation, EVALUATION]:
    """Evaluate on the held-out rows."""
    return evaluate(model, validation_data)
