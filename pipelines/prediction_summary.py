"""Where predictions are and how they are distributed, gathered while they are written."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np
from pydantic import Field

from pipelines.config import Task
from pipelines.input_profile import InputProfile
from pipelines.strict import StrictModel

_BINS: Final = 1000
_SHOWN_BINS: Final = 20
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


class Histogram(StrictModel):
    """Rows by predicted value: ``counts[i]`` from ``edges[i]`` to below ``edges[i + 1]``.

    The value is the probability of risk, that of the predicted class, or the predicted number; values beyond the first
    and last edge count there.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class PredictionSummary(StrictModel):
    """One batch of predictions."""

    model: str
    model_version: str
    model_digest: str
    task: Task
    meaning: str = Field(description="In words: what a risk of 1 says of a row, what the classes or the number are.")
    run_id: str
    predicted_at: datetime
    uri: str = Field(description="The Parquet file that holds the predictions, or the folder of parts.")
    columns: dict[str, str] = Field(description="Columns of that file and their Arrow types.")
    input: InputProfile
    rows: int
    outcomes: dict[str, int] = Field(
        description="Rows by decision: 'flagged' and 'not flagged', or each class. Empty for numbers."
    )
    decision_threshold: float | None = Field(description="Of a binary model.")
    value_mean: float = Field(description="Of the value that the histogram shows.")
    score_places: tuple[int, ...] = Field(
        default=(),
        description="Rows by where that value lies among the model's reference scores: before, at and "
        "after each. Empty where the model keeps none.",
    )
    value_quantiles: dict[str, float] = Field(description=f"By share of rows; exact to {1 / _BINS} of the range.")
    histogram: Histogram

    @property
    def told(self) -> str:
        """Say in a few words what was predicted."""
        if self.task == "binary":
            return f"{self.outcomes['flagged']} flagged"
        if self.task == "multiclass":
            return ", ".join(f"{count} {name}" for name, count in self.outcomes.items())
        return f"mean {self.value_mean:.4g}"


class ScoredRows(StrictModel):
    """What was counted while some of a batch's rows were scored."""

    columns: dict[str, str] = Field(description="Of the file they were written to, and their Arrow types.")
    rows: int
    total: float = Field(description="Sum of the values.")
    counts: tuple[int, ...] = Field(description="Rows by value, in even bins.")
    score_places: tuple[int, ...] = Field(default=(), description="As in the batch's summary.")
    outcomes: dict[str, int]


class ValueCounts:
    """A histogram from ``low`` to ``high`` of values that arrive in pieces, in constant memory."""

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        self.rows = 0
        self._low, self._width = low, high - low
        self._sum = 0.0
        self._counts = np.zeros(_BINS, dtype=np.int64)

    def update(self, values: np.ndarray) -> None:
        """Add values; those beyond the range count at its ends."""
        positions = ((values - self._low) * (_BINS / self._width)).clip(0, _BINS - 1).astype(np.int64)
        self._counts += np.bincount(positions, minlength=_BINS)
        self._sum += float(values.sum())
        self.rows += len(values)

    def add(self, counted: ScoredRows) -> None:
        """Add values that were counted over the same range before."""
        self._counts += np.array(counted.counts, dtype=np.int64)
        self._sum += counted.total
        self.rows += counted.rows

    def counted(self, columns: dict[str, str], outcomes: dict[str, int], places: tuple[int, ...] = ()) -> ScoredRows:
        """Return what was counted, to be added to other counts."""
        return ScoredRows(
            columns=columns,
            rows=self.rows,
            total=self._sum,
            counts=tuple(self._counts.tolist()),
            score_places=places,
            outcomes=outcomes,
        )

    def mean(self) -> float:
        """Return the mean of what was added."""
        return self._sum / self.rows

    def quantile(self, share: float) -> float:
        """Return the value below which ``share`` of the rows are: the middle of the bin in which it lies."""
        position = int(np.searchsorted(self._counts.cumsum(), share * self.rows))
        return self._low + self._width * (min(position, _BINS - 1) + 0.5) / _BINS

    def histogram(self) -> Histogram:
        """Return the counts in few enough bins to draw."""
        edges = (self._low + self._width * np.linspace(0, 1, _SHOWN_BINS + 1)).round(6)
        counts = self._counts.reshape(_SHOWN_BINS, -1).sum(axis=1)
        return Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))
