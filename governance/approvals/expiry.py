"""How long a signature holds."""

from __future__ import annotations

from datetime import timedelta

from governance.approvals.errors import PromotionRefusedError

LEASE = timedelta(minutes=15)
"""How long a promotion on another machine is taken to be alive; one that lives longer finds itself undone and stops.
A signed request holds as long."""


def hours_within(hours: int | None, longest: int) -> timedelta:
    """Return ``hours``, or ``longest`` if none are given.

    Raises:
        PromotionRefusedError: fewer than one, or more than ``longest``.
    """
    if hours is not None and not 1 <= hours <= longest:
        raise PromotionRefusedError(f"HOURS={hours}: it may hold from 1 to {longest} hours here.")
    return timedelta(hours=longest if hours is None else hours)
