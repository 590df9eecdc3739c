"""What every task does, and how rows under any weighting are scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pipelines.tasks.metrics import Metric
from pipelines.tasks.shapes import Shape

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.signature import Signature


class Scorer(ABC):
    """Labelled rows and what a model says of them, from which its metrics under any weighting of the rows follow.

    ``truth`` and ``decided`` have one value a row. ``output`` is the probability of risk, a row of probabilities, or
    the number. Rows are drawn anew within ``strata``. ``facts`` are counts that a judgement depends on, ``rarest`` is
    the number of rows of the rarest class. ``obstacle`` says why nothing can be measured; empty where it can.
    """

    truth: np.ndarray
    output: np.ndarray
    decided: np.ndarray
    strata: np.ndarray
    obstacle: str = ""

    @property
    @abstractmethod
    def facts(self) -> dict[str, float]:
        """Counts of rows."""

    @property
    @abstractmethod
    def rarest(self) -> int:
        """Rows of the rarest class; all rows where there are no classes."""

    @abstractmethod
    def figures(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Compute every metric for each row of ``weights``, of shape ``(resamples, rows)``."""

    @abstractmethod
    def words(self) -> tuple[np.ndarray, np.ndarray]:
        """Return truth and decision as an own metric takes them: 0 and 1, classes' names, or numbers."""


class TaskKind(ABC):
    """One task."""

    name: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]

    @abstractmethod
    def predict(self, pipeline: Any, inputs: pd.DataFrame) -> np.ndarray:
        """Return what ``pipeline`` says of each row; classes are found by label, never by position."""

    @abstractmethod
    def decide(self, output: np.ndarray, signature: Signature) -> np.ndarray:
        """Return the decision on each row: whether it is flagged, the class's label, or the number."""

    @abstractmethod
    def scorer(self, truth: np.ndarray, output: np.ndarray, signature: Signature) -> Scorer:
        """Return the scorer of labelled rows."""

    @abstractmethod
    def check_truth(self, truth: pd.Series, signature: Signature) -> str:
        """Say which labels are none that the model knows; empty where all are."""

    @abstractmethod
    def evaluate(self, scorer: Scorer, signature: Signature) -> tuple[dict[str, float], Shape]:
        """Return the metrics, by scikit-learn and not by the scorer's own arithmetic, and what there is to draw."""

    @abstractmethod
    def columns(self, signature: Signature) -> dict[str, str]:
        """Return the columns of a batch's predictions, beside who made them, with their Arrow types."""

    @abstractmethod
    def values(self, output: np.ndarray, signature: Signature) -> list[Any]:
        """Return the values of :meth:`columns`."""

    @abstractmethod
    def range_of(self, signature: Signature) -> tuple[float, float]:
        """Return the range over which predictions are counted; those beyond count at its ends."""

    @abstractmethod
    def drawn(self, output: np.ndarray) -> np.ndarray:
        """Return the value of each row that a histogram of predictions shows."""

    @abstractmethod
    def outcomes(self, decided: np.ndarray, signature: Signature) -> dict[str, int]:
        """Count the rows of each decision; nothing for numbers."""

    @abstractmethod
    def reference(self, output: np.ndarray, signature: Signature) -> np.ndarray:
        """Return the value of each row by which drift of predictions is judged: float64, or text for a category."""


def even_bins(values: np.ndarray, bins: int) -> np.ndarray:
    """Return the bin, from 0, of each value: bins of about equal size, in order; equal values may be parted."""
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks * min(bins, len(values)) // max(len(values), 1)
