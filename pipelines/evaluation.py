"""How good a model is on labelled rows, by its task's metrics and the team's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pipelines.artifacts import LABEL
from pipelines.config import Task
from pipelines.digests import data_digest
from pipelines.errors import PipelineError
from pipelines.model import TrainedModel
from pipelines.own_metrics import measure_own
from pipelines.strict import StrictModel
from pipelines.tasks import task_of
from pipelines.tasks.shapes import Count, Shape

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.tasks.base import Scorer


class EvaluationError(PipelineError):
    """A model cannot be judged on these rows; the message says why."""


class Evaluation(StrictModel):
    """A model's figures on one set of rows."""

    model: str
    task: Task
    meaning: str = Field(description="In words: what a risk of 1 says of a row, what the classes or the number are.")
    rows: Count
    labels: dict[str, Count] = Field(description="Rows by true class; of a binary model 'risk' and 'other'.")
    decision_threshold: float | None = Field(description="Of a binary model.")
    metrics: dict[str, float] = Field(description="Own metrics that fail are left out; the gate says why.")
    shape: Annotated[Shape, Field(discriminator="task")]
    data_digest: str
    model_digest: str | None = Field(description="None for a model that has not been saved yet.")


def score(model: TrainedModel, frame: pd.DataFrame) -> Scorer:
    """Score ``frame``, which holds the model's input columns and the label.

    Raises:
        EvaluationError: there is no label or no row, or a label is none that the model knows.
        SignatureMismatchError: an input column is missing.
    """
    if LABEL not in frame.columns:
        raise EvaluationError(f"the rows have no column {LABEL!r}, so there is nothing to compare predictions with")
    if not len(frame):
        raise EvaluationError("there are no rows to evaluate on")
    task = task_of(model.signature.task)
    problem = task.check_truth(frame[LABEL], model.signature)
    if problem:
        raise EvaluationError(problem)
    kind = "float64" if model.signature.task == "regression" else "int64"
    return task.scorer(frame[LABEL].to_numpy(dtype=kind), model.predict(frame), model.signature)


def evaluate(model: TrainedModel, frame: pd.DataFrame) -> Evaluation:
    """Judge ``model`` on ``frame``, which holds its input columns and the label.

    Raises:
        EvaluationError: there is no label, it is none that the model knows, or a class does not occur.
        SignatureMismatchError: an input column is missing.
    """
    signature, scorer = model.signature, score(model, frame)
    if scorer.obstacle:
        raise EvaluationError(f"a model cannot be judged by these {len(frame)} rows: {scorer.obstacle}")
    figures, shape = task_of(signature.task).evaluate(scorer, signature)
    own = {name: found.value for name, found in measure_own(signature.metrics, scorer).items()}
    return Evaluation(
        model=signature.model,
        task=signature.task,
        meaning=signature.label.meaning,
        rows=len(frame),
        labels=signature.label.count(frame[LABEL]),
        decision_threshold=signature.decision_threshold,
        metrics={**figures, **{name: value for name, value in own.items() if value is not None}},
        shape=shape,
        data_digest=data_digest(frame),
        model_digest=model.digest,
    )
