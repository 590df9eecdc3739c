"""Where a month's spend will end.

Method: run rate with a bootstrap. The days still to come are drawn at random, with replacement, from the complete days
seen lately (this month's, and the last of the month before); the draw is repeated, and the middle 80 % of the sums are
the interval. It assumes that the days to come are like the days that were; it knows no weekday, trend or plan. A refund
counts where it was given and is not expected again: a day that it took below zero is drawn as one that cost nothing.
(B. Efron, R. Tibshirani: An Introduction to the Bootstrap, 1993, chapters 6 and 13.)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from environments.strict import StrictModel
from governance.cost.month import Month

METHOD = "run rate, bootstrap over days"
LEVEL = 0.8
MEMORY_DAYS = 28
FEWEST_DAYS = 3
_DRAWS = 2000
_SEED = 0


class Forecast(StrictModel):
    """A month's spend at its end, in the currency of what it was made from."""

    expected: float
    low: float
    high: float
    level: float = LEVEL
    """Share of the draws between ``low`` and ``high``."""
    days_seen: int
    days_to_come: int
    method: str = METHOD


def forecast_month(daily: Mapping[date, Decimal], month: Month, today: date) -> Forecast | None:
    """Forecast the spend of ``month`` at its end, seen from ``today``.

    Args:
        daily: spend by day, of this month and the one before; a day that is not in it, between the first that is and
            yesterday, cost nothing.
        month: the month.
        today: a day that is not complete: it is drawn like those to come, and never below what it cost already.

    Returns:
        ``None`` when the month has not begun or fewer than :data:`FEWEST_DAYS` complete days were seen.
    """
    spent = sum((amount for day, amount in daily.items() if month.first <= day <= month.last), Decimal(0))
    if today > month.last:
        final = float(spent)
        return Forecast(expected=final, low=final, high=final, days_seen=len(month.days), days_to_come=0)
    if today < month.first or not daily:
        return None
    first = max(min(daily), today - timedelta(days=MEMORY_DAYS))
    complete = [first + timedelta(days=offset) for offset in range((today - first).days)]
    if len(complete) < FEWEST_DAYS:
        return None
    import numpy as np

    seen = np.array([max(float(daily.get(day, 0)), 0.0) for day in complete])
    so_far = max(daily.get(today, Decimal(0)), Decimal(0))
    to_come = (month.last - today).days + 1
    draws = np.random.default_rng(_SEED).choice(seen, size=(_DRAWS, to_come))
    draws[:, 0] = np.maximum(draws[:, 0], float(so_far))
    before = float(spent - so_far)
    sums = before + draws.sum(axis=1)
    low, high = np.quantile(sums, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Forecast(
        expected=float(sums.mean()), low=float(low), high=float(high), days_seen=len(complete), days_to_come=to_come
    )
