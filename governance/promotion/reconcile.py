"""Compare the Model Control Plane with the log: whatever differs was done without a record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from zenml.client import Client

from governance.audit.actor import current_identity
from governance.audit.events import Reconciliation
from governance.core.digests import digest
from governance.core.stacks import ProjectMissingError, StackMissingError, require_project, require_stack
from governance.core.target import Target
from governance.promotion.recovery import in_flight_promotions
from governance.records.history import History, read_history, versions_staged
from governance.records.journal import Journal, without_people
from governance.records.settings import other_settings
from governance.registry.model_files import ReleaseError
from governance.registry.releases import digest_of, verify_release
from governance.registry.versions import STAGES, named, number, staged_version
from governance.runs.collector import CollectError, collect, overdue
from governance.runs.schedules import schedule_findings
from governance.signing.errors import SigningError

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse

_MOST = 50
"""Findings that one event names."""


@dataclass(frozen=True)
class Comparison:
    """What was held against the log, and what differs."""

    findings: tuple[str, ...] = ()
    """What differs, in words."""
    versions: int = 0
    """Versions that the log saw promoted, each looked up in ZenML."""
    releases: int = 0
    """Those of them that are or may come into use again, whose files and signature were checked."""

    @property
    def outcome(self) -> Literal["agrees", "differs"] | None:
        """What the comparison says; None if there was nothing to compare."""
        if self.findings:
            return "differs"
        return "agrees" if self.versions else None


def reconcile(target: Target, *, dry_run: bool = False) -> Comparison:
    """Compare what ZenML and the artifact store hold of ``target``'s model with its environment's log.

    The comparison is recorded, unless ``dry_run`` or there was nothing to compare.

    Raises:
        AuditError, NotRecordedError: the log cannot be read or written.
    """
    compared = _compare(target, _of_runs(target, dry_run))
    if compared.outcome is not None and not dry_run:
        journal = Journal(target, current_identity())
        journal.write(
            journal.event(
                Reconciliation,
                outcome=compared.outcome,
                findings=tuple(without_people(finding) for finding in compared.findings[:_MOST]),
            )
        )
    return compared


def _of_runs(target: Target, dry_run: bool) -> tuple[str, ...]:
    """Return what is to be said of runs and schedules: nothing where no stack is registered that could run them."""
    try:
        require_stack(target.stack)
        _require_project_of(target)
    except (StackMissingError, ProjectMissingError):
        return ()
    return (*_late(target, dry_run), *schedule_findings(target))


def _late(target: Target, dry_run: bool) -> tuple[str, ...]:
    """Collect what nobody waited for, unless ``dry_run``; return what is late, or why that cannot be told."""
    try:
        if not dry_run:
            collect(target)
        return overdue(target)
    except CollectError as error:  # the comparison does not need what runs left
        return (str(error),)


def _compare(target: Target, found: tuple[str, ...]) -> Comparison:
    if target.environment.environment not in STAGES:
        return Comparison(found)
    journal = Journal(target)
    history = read_history(target, journal.log)
    promoted = {version for version, _ in history.promoted}
    findings = (*found, *_findings(target, journal, history))
    return Comparison(findings, len(promoted), len(promoted & set(history.versions)))


def _findings(target: Target, journal: Journal, history: History) -> Iterator[str]:
    environment = target.environment.environment
    if wrong := other_settings(target, journal.log, journal.settings):
        yield wrong
    for event in history.refuted:
        yield (
            f"The {event.kind.split()[0]} to version {event.version} of {target.model} of {event.time:%Y-%m-%d %H:%M} "
            f"UTC was decided under other settings than were applied to {environment} then. It counts for nothing."
        )
    for attempt in in_flight_promotions(journal.log, target):
        yield (
            f"A {attempt.what} of version {attempt.version} of {target.model} stopped after {attempt.last.step!r}: the "
            "next promotion or rollback settles it."
        )
    used, promoted = history.versions, dict(sorted(history.promoted))
    actual, recorded = number(_staged(target)), versions_staged(target, history)
    if actual not in recorded:
        yield (
            f"{target.model} {environment}: the log says that {named(recorded[0])} is in use, and ZenML that "
            f"{named(actual)} is: the stage was set past promotion."
        )
    if actual is not None and actual not in promoted:
        yield f"Version {actual} of {target.model} has the stage {environment!r} and was never promoted into it."
    for version, recorded_digest in promoted.items():
        try:
            found = Client().get_model_version(target.model, version, project=target.project)
        except KeyError:
            yield f"Version {version} of {target.model} was promoted into {environment} and is deleted from ZenML."
            continue
        # Those that are or may come into use again; what else was once promoted may have been cleared away.
        yield from _release_findings(found, target, recorded_digest, needed=version in used)


def _staged(target: Target) -> ModelVersionResponse | None:
    """Return the version that has the stage; None also without the team's project, as on a restored server."""
    try:
        _require_project_of(target)
    except ProjectMissingError:
        return None
    return staged_version(target)


def _require_project_of(target: Target) -> None:
    if target.project is not None:
        require_project(target.project)


def _release_findings(
    version: ModelVersionResponse, target: Target, recorded_digest: str, *, needed: bool
) -> Iterator[str]:
    what = f"Version {version.number} of {target.model}"
    try:
        if digest(digest_of(version)) != recorded_digest:
            yield f"{what} had the digest {recorded_digest} when it was promoted, and ZenML gives another now."
        if needed:
            verify_release(version, target)
    except (ReleaseError, SigningError) as error:
        yield str(error)
