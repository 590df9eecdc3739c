"""Where predictions are and how they are distributed, gathered while they are written."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np
from pydantic import Field

from pipelines.input_profile import InputProfile
from pipelines.strict import StrictModel

_BINS: Final = 1000
_SHOWN_BINS: Final = 20
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


class Histogram(StrictModel):
    """Rows by risk probability: ``counts[i]`` of them from ``edges[i]`` to below ``edges[i + 1]``; the last takes 1."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class PredictionSummary(StrictModel):
    """One batch of predictions."""

    model: str
    model_version: str
    model_digest: str
    risk: str = Field(description="In words: what a risk of 1 says of a row.")
    run_id: str
    predicted_at: datetime
    uri: str = Field(description="The Parquet file that holds the predictions.")
    columns: dict[str, str] = Field(description="Columns of that file and their Arrow types.")
    input: InputProfile
    rows: int
    flagged: int
    flagged_share: float
    decision_threshold: float
    probability_mean: float
    probability_quantiles: dict[str, float] = Field(description=f"By share of rows; exact to {1 / _BINS}.")
    histogram: Histogram


class ProbabilityCounts:
    """A histogram of probabilities that arrive in pieces, in constant memory."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0.0
        self._counts = np.zeros(_BINS, dtype=np.int64)

    def update(self, probability: np.ndarray) -> None:
        """Add probabilities, each from 0 to 1."""
        positions = np.minimum((probability * _BINS).astype(np.int64), _BINS - 1)
        self._counts += np.bincount(positions, minlength=_BINS)
        self._sum += float(probability.sum())
        self.rows += len(probability)

    def mean(self) -> float:
        """Return the mean of what was added."""
        return self._sum / self.rows

    def quantile(self, share: float) -> float:
        """Return the probability below which ``share`` of the rows are: the middle of the bin in which it lies."""
        position = int(np.searchsorted(self._counts.cumsum(), share * self.rows))
        return (min(position, _BINS - 1) + 0.5) / _BINS

    def histogram(self) -> Histogram:
        """Return the counts in few enough bins to draw."""
        edges = np.linspace(0, 1, _SHOWN_BINS + 1).round(6)
        counts = self._counts.reshape(_SHOWN_BINS, -1).sum(axis=1)
        return Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))
