"""The rollback drill: is the way back open, and how long does it take?

In an environment that is not protected the drill goes back and returns, for real. In a protected one it does everything
but move the stage, unless its name is given as confirmation: a drill must not be what takes production down. Nobody
breaks the glass for one: it can wait for somebody with the role.
"""

from __future__ import annotations

from dataclasses import dataclass

from governance.approvals.people import who_asks
from governance.core.digests import digest
from governance.core.stopwatch import Stopwatch
from governance.core.target import Target
from governance.promotion.lock import promotion_lock
from governance.promotion.recovery import new_promotion_id, recover
from governance.promotion.rollback import move, require_role, require_stage, version_before
from governance.records.journal import Journal
from governance.registry.loading import trusted_release
from governance.registry.releases import digest_of
from governance.signing.signatories import Signatory

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


def drill(target: Target, *, confirm: str | None = None, requested_by: Signatory | None = None) -> Drill:
    """Try the way back in ``target``'s environment.

    Args:
        target: The model and environment.
        confirm: The name of a protected environment in which the stage is to move.
        requested_by: Who asks, as for a rollback; nobody need be known where the stage does not move.

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
            there, again = new_promotion_id(), new_promotion_id()
            model_digest = digest(digest_of(earlier))
            asks = who_asks(
                target, requested_by, promotion=there, version=str(earlier.number), model_digest=model_digest
            )
            role, journal = require_role(target, asks, emergency=False), Journal(target, asks.identity)
            move(target, journal, current, earlier, REASON, back, there, "back", role=role)
            with forward.phase("verifying the release"):
                trusted_release(current, target, journal)
            move(target, journal, earlier, current, REASON, forward, again, "return", role=role)
    return Drill(str(current.number), str(earlier.number), moves, back.phases, forward.phases)
