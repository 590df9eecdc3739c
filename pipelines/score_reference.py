"""What a model says of rows that it did not learn from, and how a later batch lies beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from pipelines.order_statistics import order_statistics
from pipelines.strict import StrictModel

if TYPE_CHECKING:
    import numpy as np


class ScoreReference(StrictModel):
    """Scores and decisions of reference rows: those held out of training, where there are any.

    A score is the value that a histogram of predictions shows: the probability of risk, that of the predicted class,
    or the predicted number. It has 32 bits, so that the order in which a library adds up makes no other score of it.
    """

    rows: int
    scores: tuple[float, ...] = Field(description="Sorted, so that no row can be put together again.")
    decisions: dict[str, int] = Field(description="Rows by decision, as in a batch's summary; empty for numbers.")

    @classmethod
    def of(cls, scores: np.ndarray, decisions: Mapping[str, int]) -> ScoreReference:
        """Describe rows by their ``scores``, of shape ``(rows,)``, and how many there are of each decision."""
        return cls(rows=len(scores), scores=order_statistics(scores.astype("float32")), decisions=dict(decisions))

    @property
    def edges(self) -> np.ndarray:
        """The different scores, in order, beside which those of a batch are counted."""
        import numpy as np

        return np.unique(np.array(self.scores, dtype="float32"))


class ScorePlaces:
    """Counts a batch's scores by where they lie among ``edges``: before, at and after each of them.

    So the distribution of any number of rows is known exactly at every score of the reference rows.
    """

    def __init__(self, edges: np.ndarray) -> None:
        self._edges = edges
        self._counts = [0] * (2 * len(edges) + 1)

    def update(self, scores: np.ndarray) -> None:
        """Count scores."""
        import numpy as np

        values = scores.astype("float32")
        place = np.searchsorted(self._edges, values)
        at_edge = self._edges[np.minimum(place, len(self._edges) - 1)] == values
        found = np.bincount(2 * place + at_edge, minlength=len(self._counts))
        self._counts = (found + self._counts).tolist()

    @property
    def counts(self) -> tuple[int, ...]:
        """Rows before the first edge, at it, between it and the second, and so on, to those after the last."""
        return tuple(self._counts)
