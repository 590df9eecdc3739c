"""What an evaluation holds for people to look at, by task: plain values, and of no single row."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipelines.strict import StrictModel

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class Confusion(StrictModel):
    """Rows by truth and decision; positive is risk."""

    tn: Count
    fp: Count
    fn: Count
    tp: Count


class RocCurve(StrictModel):
    """Points of the receiver operating characteristic, from (0, 0) to (1, 1)."""

    false_positive_rate: tuple[Share, ...]
    true_positive_rate: tuple[Share, ...]


class Calibration(StrictModel):
    """Rows in groups of about equal size by predicted probability: the mean prediction, the share right, the size."""

    predicted: tuple[Share, ...]
    observed: tuple[Share, ...]
    count: tuple[Count, ...]


class BinaryShape(StrictModel):
    """How a model of risk decides."""

    task: Literal["binary"] = "binary"
    confusion: Confusion
    roc_curve: RocCurve
    calibration: Calibration


class MulticlassShape(StrictModel):
    """How a model tells classes apart."""

    task: Literal["multiclass"] = "multiclass"
    classes: tuple[str, ...]
    confusion: tuple[tuple[Count, ...], ...] = Field(description="Rows by true class, then by predicted class.")
    calibration: Calibration = Field(description="Of the predicted class's probability.")


class RegressionShape(StrictModel):
    """How far a model's numbers are from the truth, in groups of rows of about equal size by predicted value."""

    task: Literal["regression"] = "regression"
    unit: str
    predicted: tuple[float, ...] = Field(description="Mean prediction of each group.")
    observed: tuple[float, ...] = Field(description="Mean truth of each group.")
    low: tuple[float, ...] = Field(description="The truth of one row in ten of the group is below this.")
    high: tuple[float, ...] = Field(description="The truth of one row in ten of the group is above this.")
    count: tuple[Count, ...]
    residual_edges: tuple[float, ...] = Field(description="Edges of a histogram of truth less prediction.")
    residual_counts: tuple[Count, ...]


Shape = BinaryShape | MulticlassShape | RegressionShape
