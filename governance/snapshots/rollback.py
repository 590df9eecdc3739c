"""The way back to an earlier snapshot of a pipeline."""

from __future__ import annotations

from governance.approvals.people import who_asks
from governance.audit.events import SnapshotFrozen, SnapshotRollback
from governance.core.target import Target
from governance.promotion.lock import promotion_lock
from governance.promotion.recovery import new_promotion_id
from governance.promotion.rollback import require_role, require_stage
from governance.records.journal import Journal, without_people
from governance.signing.signatories import Signatory
from governance.snapshots.errors import SnapshotError
from governance.snapshots.frozen import read_snapshots
from governance.snapshots.start import stored_snapshot


def return_to(
    target: Target,
    wanted: str,
    *,
    reason: str,
    requested_by: Signatory | None = None,
    dry_run: bool = False,
) -> tuple[SnapshotFrozen, SnapshotFrozen]:
    """Let runs in ``target``'s environment start from an earlier snapshot of the same pipeline again.

    Which version is in use is left as it is: batch inference goes back to a snapshot of that version only.

    Args:
        target: the model and environment.
        wanted: the snapshot by digest, by at least 12 digits of it, by ZenML's id or by its name.
        reason: why, for the record.
        requested_by: who asks, to be established by their signature; by default whoever runs this process.
        dry_run: check everything and change nothing.

    Returns:
        The snapshot that was left and the one that is in use now.

    Raises:
        SnapshotError: there is none, it is in use already, or it is not what was frozen.
        PromotionRefusedError: whoever asks may not.
        PromotionInProgressError: a promotion or rollback is going on.
        UncommittedError, SettingsNotAppliedError: the code or the settings at hand do not count there.
        SigningError: ``requested_by`` cannot sign.
        NotRecordedError: the log cannot be written; nothing was changed.
    """
    require_stage(target)
    journal = Journal(target)
    journal.require_origin()
    if dry_run:
        return _before(target, journal, wanted)
    with promotion_lock(target):
        left, now = _before(target, journal, wanted)
        requester = who_asks(
            target,
            requested_by,
            promotion=new_promotion_id(),
            version=f"snapshot/{now.snapshot_digest[7:19]}",
            model_digest=now.snapshot_digest,
        )
        role = require_role(target, requester)
        journal = Journal(target, requester.identity)
        journal.write(
            journal.event(
                SnapshotRollback,
                pipeline=now.pipeline,
                model_version=now.model_version,
                from_snapshot=left.snapshot_digest,
                to_snapshot=now.snapshot_digest,
                role=role,
                reason=without_people(reason),
            )
        )
    return left, now


def _before(target: Target, journal: Journal, wanted: str) -> tuple[SnapshotFrozen, SnapshotFrozen]:
    history = read_snapshots(target, journal.log)
    earlier = history.find(wanted, target)
    current = history.in_use(earlier.pipeline)
    assert current is not None, "one is in use where one was frozen"
    what = f"Snapshot {earlier.snapshot_digest[7:19]} of {target.where}"
    if current.snapshot_digest == earlier.snapshot_digest:
        raise SnapshotError(f"{what} is in use already.")
    if earlier.settings_digest != journal.settings.digest:
        raise SnapshotError(
            f"{what} was frozen under settings {earlier.settings_digest}, and {journal.settings.digest} count now: "
            "nothing could start from it. Apply those again, or freeze anew."
        )
    if earlier.model_version != current.model_version:
        raise SnapshotError(
            f"{what} is of version {earlier.model_version}, and the one in use is of version {current.model_version}. "
            "Move the version first: `make rollback` without TO_SNAPSHOT, then freeze."
        )
    stored_snapshot(earlier, what)
    return current, earlier
