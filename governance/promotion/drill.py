"""The rollback drill: is the way back open, and how long does it take?

In an environment that is not protected the drill goes back and returns, for real. In a protected one it does everything
but move the stage, unless its name is given as confirmation: a drill must not be what takes production down.
"""

from __future__ import annotations

from dataclasses import dataclass

from governance.approvals.people import Requester
from governance.audit.actor import current_identity
from governance.core.target import Target
from governance.promotion.lock import promotion_lock
from governance.promotion.recovery import new_promotion_id, recover
from governance.promotion.rollback import Stopwatch, move, require_role, require_stage, version_before
from governance.records.journal import Journal
from governance.registry.loading import trusted_release
from governance.signing.signatories import person_at_work

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
        PromotionRefusedError, ReleaseError, SettingsNotAppliedError, SigningError, NotRecordedError: the way back is
            not open; nothing moved, or what moved is settled by the next promotion or rollback.
    """
    require_stage(target)
    name = target.environment.environment
    moves = not target.environment.protected or confirm == name
    back, forward = Stopwatch(), Stopwatch()
    with promotion_lock(target):
        journal = Journal(target)
        journal.require_origin()
        recover(target, journal)
        current, earlier = version_before(target, journal, back)
        if moves:
            require_role(target, Requester(current_identity(), person_at_work(target)))
            move(target, journal, current, earlier, REASON, back, new_promotion_id(), "back")
            with forward.phase("verifying the release"):
                trusted_release(current, target, journal)
            move(target, journal, earlier, current, REASON, forward, new_promotion_id(), "return")
    return Drill(str(current.number), str(earlier.number), moves, back.phases, forward.phases)
