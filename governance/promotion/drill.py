"""The rollback drill: is the way back open, and how long does it take?

In an environment that is not protected the drill goes back and returns, for real. In a protected one it does everything
but move the stage, unless its name is given as confirmation: a drill must not be what takes production down.
"""

from __future__ import annotations

from dataclasses import dataclass

from governance.exclusive import alone
from governance.in_use import trusted_release
from governance.journal import Journal
from governance.promotion.rollback import Stopwatch, move, require_stage, version_before
from governance.promotion.settling import new_attempt, settle
from governance.target import Target

REASON = "rollback drill"


@dataclass(frozen=True)
class Drill:
    """What a drill found."""

    current: str
    earlier: str
    moved: bool
    """Whether it went back and returned, rather than stop before the stage."""
    back: dict[str, float]
    """Seconds that each phase of the way back took."""
    forward: dict[str, float]
    """Seconds that each phase of the return took; empty if nothing moved."""

    @property
    def seconds(self) -> float:
        """How long the way back took."""
        return sum(self.back.values())


def drill(target: Target, *, confirm: str | None = None) -> Drill:
    """Try the way back in ``target``'s environment.

    Args:
        target: The model and environment.
        confirm: The name of a protected environment in which the stage is to move.

    Raises:
        PromotionRefused, ReleaseError, SigningError, NotRecorded: the way back is not open; nothing moved, or what
            moved is settled by the next promotion or rollback.
    """
    require_stage(target)
    name = target.environment.environment
    moves = not target.environment.protected or confirm == name
    back, forward = Stopwatch(), Stopwatch()
    with alone(target):
        journal = Journal(target)
        settle(target, journal)
        current, earlier = version_before(target, back)
        if moves:
            move(target, journal, current, earlier, REASON, back, new_attempt(), "back")
            with forward.phase("verifying the release"):
                trusted_release(current, target)
            move(target, journal, earlier, current, REASON, forward, new_attempt(), "return")
    return Drill(str(current.number), str(earlier.number), moves, back.phases, forward.phases)
