"""The way back: to the version that the audit log says was in use before."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from zenml.client import Client

from governance import events
from governance.audit.events import Rollback
from governance.exclusive import alone
from governance.journal import Journal, NotRecorded, digest
from governance.promotion.settling import PromotionRefused, settle
from governance.releases import digest_of, find_release, verify_release
from governance.target import Target
from governance.versions import STAGES, restore_stages, staged_version

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse


def rollback(target: Target, *, requested_by: str | None = None, reason: str, dry_run: bool = False) -> tuple[str, str]:
    """Return ``target``'s environment to the version that was in use there before the current one.

    Which one that was comes from the audit log, never from counting version numbers down.

    Returns:
        The version that was left and the one that is in use now.

    Raises:
        PromotionRefused: nothing earlier was in use, or its release is gone.
        ReleaseError: the earlier version's files are not those that were released.
        NotRecorded: the audit log cannot be written; the stage is as it was.
    """
    if target.environment.environment not in STAGES:
        raise PromotionRefused(
            f"There is no stage to roll back in {target.environment.environment}; train again instead."
        )
    if dry_run:
        current, earlier = _before(target)
        return str(current.number), str(earlier.number)
    with alone(target):
        journal = Journal(target, requested_by)
        settle(target, journal)
        current, earlier = _before(target)
        facts: dict[str, object] = {
            "rollback": uuid4().hex,
            "from_version": str(current.number),
            "to_version": str(earlier.number),
            "model_version": str(earlier.number),
            "model_digest": digest(digest_of(earlier)),
            "reason": reason,
        }
        for step in ("requested", "stage_set"):
            journal.write(journal.event(Rollback, step=step, **facts))
        before = earlier.stage or "none"
        earlier.set_stage(STAGES[target.environment.environment], force=True)
        try:
            journal.write(journal.event(Rollback, step="completed", **facts))
        except NotRecorded:
            restore_stages(earlier, before, current, target)
            raise
    return str(current.number), str(earlier.number)


def _before(target: Target) -> tuple[ModelVersionResponse, ModelVersionResponse]:
    """The version in use and the one that was in use before it, whose release is verified."""
    current = staged_version(target)
    if current is None:
        raise PromotionRefused(f"No version of {target.where} is in use, so there is nothing to roll back.")
    used = events.released_versions(target)
    if str(current.number) in used:
        used = used[: used.index(str(current.number))]
    if not used:
        raise PromotionRefused(
            f"Version {current.number} is the first of {target.where}; no earlier version was in use there."
        )
    try:
        earlier = Client().get_model_version(target.model, used[-1])
    except KeyError as error:
        raise PromotionRefused(
            f"Version {used[-1]} of {target.where} was deleted and cannot be returned to."
        ) from error
    if find_release(earlier, target) is None:
        raise PromotionRefused(f"Version {earlier.number} has no release in {target.environment.environment} any more.")
    verify_release(earlier, target)
    return current, earlier
