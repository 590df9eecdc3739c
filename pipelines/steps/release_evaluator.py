"""Judges a released model."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from zenml import step

from pipelines.artifacts import EVALUATION
from pipelines.evaluation import Evaluation, evaluate
from pipelines.model import read_model


@step
def release_evaluator(release: Path, digest: str, validation_data: pd.DataFrame) -> Annotated[Evaluation, EVALUATION]:
    """Evaluate the model in the folder ``release``, whose digest must be ``digest``."""
    return evaluate(read_model(release, digest), validation_data)
