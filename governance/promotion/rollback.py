"""The way back: to the version that the audit log says was in use before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from zenml.client import Client

from environments import Role
from governance.approvals.break_glass import record_rollback_without_role
from governance.approvals.errors import PromotionRefusedError
from governance.approvals.people import Requester, who_asks
from governance.approvals.request import refuse_in_use_later
from governance.audit.events import Rollback
from governance.core.digests import digest
from governance.core.roles import people_who_approve, role_of
from governance.core.stopwatch import Stopwatch
from governance.core.target import Target
from governance.promotion.lock import PromotionInProgressError, promotion_lock
from governance.promotion.recovery import is_completed, new_promotion_id, recover, require_first
from governance.records.history import read_history
from governance.records.journal import Journal, NotRecordedError, without_people
from governance.registry.libraries import require_libraries
from governance.registry.loading import trusted_release
from governance.registry.releases import digest_of, find_release
from governance.registry.versions import STAGES, restore_stages, staged_version
from governance.runs.schedules import follow_stage_or_say
from governance.signing.signatories import Signatory

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse


def rollback(
    target: Target,
    *,
    reason: str,
    requested_by: Signatory | None = None,
    break_glass: bool = False,
    dry_run: bool = False,
) -> tuple[str, str]:
    """Return ``target``'s environment to the version that was in use there before the current one.

    Which one that was comes from the audit log, never from counting version numbers down.

    Args:
        target: The model and environment.
        reason: Why, for the record.
        requested_by: Who asks, to be established by their signature; by default whoever runs this process.
        break_glass: Let somebody without the role ask, in an emergency: their signature goes into the log as an
            override, and into the environment's monitoring as an alert.
        dry_run: Check everything and change nothing.

    Returns:
        The version that was left and the one that is in use now.

    Raises:
        PromotionRefusedError: nothing earlier was in use, or its release is gone.
        PromotionInProgressError: a promotion or rollback is going on.
        SettingsNotAppliedError: the settings at hand are not those that were applied to the environment.
        ReleaseError: the earlier version's files are not those that were released.
        SigningError: they are unsigned or not what was signed, or ``requested_by`` cannot sign.
        NotRecordedError: the audit log cannot be written; the stage is as it was.
    """
    require_stage(target)
    watch = Stopwatch()
    journal = Journal(target)
    journal.require_origin()
    if dry_run:
        current, earlier = version_before(target, journal, watch)
        return str(current.number), str(earlier.number)
    with promotion_lock(target):
        recover(target, journal)
        current, earlier = version_before(target, journal, watch)
        attempt = new_promotion_id()
        requester = who_asks(
            target,
            requested_by,
            promotion=attempt,
            version=str(earlier.number),
            model_digest=digest(digest_of(earlier)),
        )
        journal = Journal(target, requester.identity)
        if break_glass:
            record_rollback_without_role(requester, journal, target, reason)
        role = None if break_glass else require_role(target, requester)
        move(target, journal, current, earlier, reason, watch, attempt, role=role)
        follow_stage_or_say(target)
    return str(current.number), str(earlier.number)


def move(
    target: Target,
    journal: Journal,
    current: ModelVersionResponse,
    other: ModelVersionResponse,
    reason: str,
    watch: Stopwatch,
    attempt: str,
    drill: Literal["back", "return"] | None = None,
    *,
    role: Role | None,
) -> None:
    """Put ``other``, which was in use before, into the place of ``current``; raises as :func:`rollback`."""

    def write(step: str, **more: object) -> None:
        with watch.phase("writing the log"):
            journal.write(
                journal.event(
                    Rollback,
                    step=step,
                    rollback=attempt,
                    from_version=str(current.number),
                    to_version=str(other.number),
                    model_version=str(other.number),
                    model_digest=digest(digest_of(other)),
                    drill=drill,
                    role=role,
                    **{"reason": reason, **more},
                )
            )

    write("requested")
    try:
        require_first(journal, target, attempt)
    except PromotionInProgressError as refusal:
        write("refused", reason=without_people(str(refusal)))
        raise
    before = other.stage or "none"
    write("stage_set")
    require_first(journal, target, attempt)
    with watch.phase("setting the stage"):
        other.set_stage(STAGES[target.environment.environment], force=True)
    try:
        write("completed")
    except NotRecordedError:
        if not is_completed(target, attempt):
            restore_stages(other, before, current, target)
        raise


def version_before(
    target: Target, journal: Journal, watch: Stopwatch
) -> tuple[ModelVersionResponse, ModelVersionResponse]:
    """Return the version in use and the one that was in use before it, whose release may be loaded.

    Raises:
        PromotionRefusedError: there is none, it is gone, or it is in use in a later environment.
        ReleaseError, SigningError: its files are not those that were released.
        LibrariesDifferError: it was trained with other libraries, so nothing here could use it.
    """
    with watch.phase("reading the log"):
        current = staged_version(target)
        if current is None:
            raise PromotionRefusedError(f"No version of {target.where} is in use, so there is nothing to roll back.")
        used = read_history(target, journal.log).versions
    if str(current.number) in used:  # a version may have been in use more than once; the last time counts
        while used.pop() != str(current.number):
            pass
    if not used:
        raise PromotionRefusedError(
            f"Version {current.number} is the first of {target.where}; no earlier version was in use there."
        )
    with watch.phase("finding the version"):
        try:
            earlier = Client().get_model_version(target.model, used[-1], project=target.project)
        except KeyError as error:
            raise PromotionRefusedError(
                f"Version {used[-1]} of {target.where} was deleted and cannot be returned to."
            ) from error
        if find_release(earlier, target) is None:
            raise PromotionRefusedError(
                f"Version {earlier.number} has no release in {target.environment.environment} any more."
            )
    refuse_in_use_later(earlier, target)
    with watch.phase("verifying the release"):
        require_libraries(earlier, trusted_release(earlier, target, journal), target)
    return current, earlier


def require_role(target: Target, requester: Requester, *, emergency: bool = True) -> Role:
    """Return the role by which ``requester`` may move what is in use, also where a promotion needs nobody's approval.

    Args:
        target: The model and environment.
        requester: Who asks.
        emergency: Whether whoever is refused is told the way of an emergency; a drill is none.

    Raises:
        PromotionRefusedError: they hold no such role.
    """
    allowed = people_who_approve(target)
    known_as = requester.person.emails if requester.person else ()
    role = next((role_of(target, email) for email in known_as if email in allowed), None)
    if role is None:
        past = " In an emergency somebody else does: BREAK_GLASS=1 REASON=… AS=<e-mail>." if emergency else ""
        raise PromotionRefusedError(
            f"{requester.name} may not roll back {target.where}; people who may: {', '.join(allowed) or 'nobody'}. "
            f"They sign for it with AS=<e-mail>.{past}"
        )
    return role


def require_stage(target: Target) -> None:
    """Refuse an environment that has no stage.

    Raises:
        PromotionRefusedError: ``target``'s is one.
    """
    if target.environment.environment not in STAGES:
        raise PromotionRefusedError(
            f"There is no stage to roll back in {target.environment.environment}; train again instead."
        )
