"""How far a figure may be from what other rows of the same kind would have given: the stratified bootstrap.

Percentile intervals, B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. Rows are drawn
anew within each stratum, so that every resample holds each class as often as the rows themselves.
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


def intervals(draws: np.ndarray, value: float, rows: int, *, share: bool = True) -> dict[str, tuple[float, float]]:
    """Return two-sided percentile intervals at each of :data:`CONFIDENCES`, of a share or any other figure.

    Where no resample differs, as for a recall of 1, the bootstrap knows no uncertainty. The interval is then that of
    Clopper and Pearson for ``rows`` successes of ``rows``, around ``value`` and within 0 and 1. Of what is no share
    nothing is known then, and no interval is returned.
    """
    if draws.max() != draws.min():
        return difference_intervals(draws)
    if not share:
        return {}
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
