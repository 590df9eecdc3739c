"""How long a signature holds."""

from __future__ import annotations

from datetime import timedelta

from governance.promotion.settling import PromotionRefused


def hours_within(hours: int | None, longest: int) -> timedelta:
    """``hours``, or ``longest`` if none are given.

    Raises:
        PromotionRefused: fewer than one, or more than ``longest``.
    """
    if hours is not None and not 1 <= hours <= longest:
        raise PromotionRefused(f"HOURS={hours}: it may hold from 1 to {longest} hours here.")
    return timedelta(hours=longest if hours is None else hours)
