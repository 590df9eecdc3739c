"""How far a figure may be from what other rows of the same kind would have given: the stratified bootstrap.

Percentile intervals, B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. Rows are drawn
anew within each stratum, so that every resample holds both outcomes as often as the rows themselves.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

CONFIDENCES = (80, 90, 95, 99)
"""In per cent. Each is recorded, so that an environment with another confidence can judge the same figures."""

_CELLS = 20_000_000
"""Rows times resamples; for more rows fewer resamples are drawn, but at least ``_FEWEST``."""
_FEWEST = 200
_CHUNK_CELLS = 2_000_000


def count_resamples(rows: int, asked: int) -> int:
    """Return how many resamples to draw: ``asked``, or for many ``rows`` fewer, and never under 200."""
    return min(asked, max(_FEWEST, _CELLS // max(rows, 1)))


def resample(strata: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Draw how often each row occurs, in pieces of shape ``(some resamples, rows)``.

    Args:
        strata: The stratum of each row; as many rows of each are drawn as there are.
        resamples: How many to draw in all.
        seed: The same seed gives the same resamples.
    """
    random = np.random.default_rng(seed)
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    at_once = max(1, _CHUNK_CELLS // max(len(strata), 1))
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        weights = np.zeros((size, len(strata)))
        for rows in members:
            drawn = random.integers(0, len(rows), size=(size, len(rows)))
            drawn += np.arange(size)[:, None] * len(rows)
            counts = np.bincount(drawn.ravel(), minlength=size * len(rows))
            weights[:, rows] = counts.reshape(size, len(rows))
        yield weights


def seed_from(digest: str) -> int:
    """Return the seed for data with this SHA-256: nobody can choose one that flatters."""
    return int(digest[:15], 16)


def intervals(draws: np.ndarray, value: float, rows: int) -> dict[str, tuple[float, float]]:
    """Return two-sided percentile intervals of a share at each of :data:`CONFIDENCES`.

    Where no resample differs, as for a recall of 1, the bootstrap knows no uncertainty. The interval is then that of
    Clopper and Pearson for ``rows`` successes of ``rows``, around ``value`` and within 0 and 1.
    """
    if draws.max() != draws.min():
        return difference_intervals(draws)
    slacks = {confidence: 1 - ((100 - confidence) / 200) ** (1 / max(rows, 1)) for confidence in CONFIDENCES}
    return {str(name): (max(0.0, value - slack), min(1.0, value + slack)) for name, slack in slacks.items()}


def difference_intervals(draws: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return two-sided percentile intervals of a paired difference at each of :data:`CONFIDENCES`."""
    found = {}
    for confidence in CONFIDENCES:
        tail = (100 - confidence) / 200
        low, high = np.quantile(draws, [tail, 1 - tail])
        found[str(confidence)] = (float(low), float(high))
    return found


class Scorer:
    """A model's metrics under any weighting of the same rows, computed from one ranking of them."""

    def __init__(self, truth: np.ndarray, probability: np.ndarray, decision_threshold: float) -> None:
        """Rank the rows. ``truth`` is 0 or 1 and ``probability`` that of 1, both of shape ``(rows,)``."""
        self._order = np.argsort(-probability, kind="stable")
        ranked = probability[self._order]
        self._truth = truth[self._order].astype(float)
        # Rows of equal probability are passed together: the last of each such group.
        self._ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        self._flagged = int((ranked >= decision_threshold).sum())
        self._squared = (ranked - self._truth) ** 2

    def figures(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Compute ROC AUC, average precision, recall, precision and Brier score for each row of ``weights``.

        Defined as in scikit-learn; precision is 0 where no row is flagged.
        """
        ranked = weights[:, self._order]
        positive = np.cumsum(ranked * self._truth, axis=1)
        everything = np.cumsum(ranked, axis=1)
        tp, seen = positive[:, self._ends], everything[:, self._ends]
        fp = seen - tp
        positives, negatives = tp[:, -1], fp[:, -1]
        gained = np.diff(tp, axis=1, prepend=0.0)
        area = (np.diff(fp, axis=1, prepend=0.0) * (tp - gained / 2)).sum(axis=1)
        precision_there = np.divide(tp, seen, out=np.zeros_like(tp), where=seen > 0)
        if self._flagged:
            caught, called = positive[:, self._flagged - 1], everything[:, self._flagged - 1]
        else:
            caught = called = np.zeros(len(weights))
        return {
            "roc_auc": area / (positives * negatives),
            "average_precision": (gained * precision_there).sum(axis=1) / positives,
            "recall": caught / positives,
            "precision": np.divide(caught, called, out=np.zeros(len(weights)), where=called > 0),
            "brier_score": (ranked @ self._squared) / ranked.sum(axis=1),
        }
