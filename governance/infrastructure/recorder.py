"""Writes an event for everything that Terraform and registration do."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from environments import CLOUDS, Platform, ground_of, load_platform, pick_cloud
from governance.audit import AuditError, Identity, current_identity, locate, open_log
from governance.audit.canonical import canonical
from governance.audit.events import InfrastructureChange, Registration, ServerChange, rfc3339
from governance.audit.outbox import Outbox, OutboxFile, Outcome, WaitingEvent, record
from governance.core import clock
from governance.core.digests import content_digest, digest
from governance.core.provenance import collect
from governance.records.applied import keep, kept_in
from governance.records.settings import settings_of
from stack_bootstrap.plans import Changes
from stack_bootstrap.recorders import InfrastructureAct, RegistrationAct, Stack
from stack_bootstrap.registration.changes import Change


class InfrastructureNotRecordedError(AuditError):
    """Something was done and the log has no record of it yet; the message says what to do."""


@dataclass(frozen=True)
class _Origin:
    """Who acts, when, and from which code."""

    identity: Identity
    time: str
    provenance: Mapping[str, object]

    @classmethod
    def here(cls, settings: Path) -> _Origin:
        return cls(current_identity(), rfc3339(clock.now()), collect(settings).in_log())


@dataclass(frozen=True)
class _Book:
    """The log of one environment on one cloud, and where its events wait."""

    platform: Platform = field(compare=False)
    environment: str
    cloud: str

    @property
    def outbox(self) -> Outbox:
        environment = self.platform.environment(self.environment)
        home = ground_of(environment, pick_cloud(environment, self.cloud))
        return Outbox(home / "terraform" / self.cloud / self.environment / "unrecorded")

    def waiting(self, by: _Origin, kind: str, fields: Mapping[str, Any]) -> WaitingEvent:
        """Return an event of an act that failed, which it is until its outcome is known."""
        common = {
            "kind": kind,
            "id": uuid.uuid4().hex,
            "time": by.time,
            "environment": self.environment,
            "cloud": self.cloud,
            "outcome": "failed",
        }
        return WaitingEvent(by.identity, {**common, **by.provenance, **fields})

    def record(self, *files: OutboxFile) -> None:
        """Bring ``files``, and what earlier processes left, into the log.

        Raises:
            AuditError: the log could not be written; everything goes on waiting.
        """
        with self.outbox.pending() as left:
            if left or files:
                log = open_log(self.platform, self.environment, cloud=self.cloud)
                subjects = locate(self.platform, self.environment, cloud=self.cloud).subjects()
                record([*left, *files], log, subjects)


class AuditRecorder:
    """Records what is done to infrastructure and stacks in the audit log of the environment that it is done to.

    An act goes ahead when the log is away: it may be what brings the log back. Its event then waits beside Terraform's
    state, and what the user gets is an error.
    """

    @contextmanager
    def infrastructure(self, act: InfrastructureAct) -> Iterator[None]:
        """See :class:`stack_bootstrap.recorders.Recorder`. A simulation leaves no record."""
        where = act.workspace
        if where.simulated:
            yield
            return
        book = _Book(load_platform(where.settings), where.place, where.cloud)
        if act.action == "destroy" and act.changes == Changes():
            book.record()  # what an earlier destroy left
            yield
            return
        fields: dict[str, object] = {
            "action": act.action,
            "plan_digest": digest(act.plan_digest),
            "added": len(act.changes.add) + len(act.changes.heal) + len(act.changes.replace),
            "changed": len(act.changes.change),
            "destroyed": len(act.changes.destructive),
        }
        chosen = book.platform.environment(where.place)
        folder = kept_in(chosen, pick_cloud(chosen, where.cloud))
        if where.stands_in:
            # What counts in the environment that the server stands in is what was applied to it, and no part of this.
            kind = ServerChange.model_fields["kind"].default
            if act.action == "apply":
                fields["settings_digest"] = _digest_of_server(book.platform, where.cloud)
        else:
            kind = InfrastructureChange.model_fields["kind"].default
            if act.action == "apply":
                settings = settings_of(book.platform, chosen, where.cloud)
                fields |= settings.in_log()
                keep(settings, folder)  # nothing believes these before the log says that they were applied
        again = f"make apply ENV={where.environment} CLOUD={where.cloud}"

        def ended(outcome: Outcome) -> dict[_Book, list[WaitingEvent]]:
            return {book: [event.ended(outcome) for event in waiting[book]]}

        waiting = {book: [book.waiting(_Origin.here(where.settings), kind, fields)]}
        with _kept(waiting, ended, f"{act.action} of {where}", again):
            yield
        if folder.is_dir():
            folder.touch()  # whoever looks at it reads the log again

    @contextmanager
    def registration(self, act: RegistrationAct) -> Iterator[None]:
        """See :class:`stack_bootstrap.recorders.Recorder`. One event for each stack."""
        platform, by = load_platform(act.settings), _Origin.here(act.settings)

        def events(outcome: Outcome) -> dict[_Book, list[WaitingEvent]]:
            found: dict[_Book, list[WaitingEvent]] = {}
            for stack, changes in _by_stack(act.stacks, act.done).items():
                book = _Book(platform, stack.environment, stack.cloud)
                fields = {"action": act.action, "stack": stack.name, "team": _team(platform, stack), **_refs(changes)}
                event = book.waiting(by, Registration.model_fields["kind"].default, fields)
                # The same at both times, so that what waits is replaced and not doubled.
                event.fields["id"] = ids.setdefault(stack, event.fields["id"])
                found.setdefault(book, []).append(event.ended(outcome))
            return found

        ids: dict[Stack, str] = {}
        again = f"make {act.action} ENV={','.join(dict.fromkeys(stack.environment for stack in act.stacks))}"
        with _kept(events("failed"), events, f"{act.action} of stacks", again):
            yield


@contextmanager
def _kept(
    waiting: Mapping[_Book, list[WaitingEvent]],
    ended: Callable[[Outcome], Mapping[_Book, list[WaitingEvent]]],
    what: str,
    again: str,
) -> Iterator[None]:
    """Keep ``waiting`` during the block, then bring what it became into the logs.

    Raises:
        InfrastructureNotRecordedError: a log could not be written. An error of the block itself is its cause.
    """
    name = f"{rfc3339(clock.now())}-{uuid.uuid4().hex[:8]}"
    with ExitStack() as held:
        files = {book: held.enter_context(book.outbox.enqueue(name, events)) for book, events in waiting.items()}
        failure: BaseException | None = None
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - recorded and raised again, also Ctrl-C
            failure = error
        problems = []
        for book, events in ended("failed" if failure else "succeeded").items():
            try:
                file = files.get(book) or held.enter_context(book.outbox.enqueue(name, events))
                file.write(events)
                book.record(file)
            except (AuditError, OSError) as error:
                problems.append(f"{error}\nIts event waits in {book.outbox.folder}.")
    if problems:
        outcome = f"The {what} failed: {failure}\nBeyond that, it" if failure else f"The {what} was done, but it"
        raise InfrastructureNotRecordedError(
            f"{outcome} is not in the audit log: " + "\n".join(problems) + f"\nPut that right, then run `{again}`, "
            "which records it."
        ) from failure
    if failure is not None:
        raise failure


def _digest_of_server(platform: Platform, cloud: str) -> str:
    """Return the digest of what the shared server's settings say for ``cloud``."""
    assert platform.server is not None, "its workspace was made of it"
    others = {str(name) for name in CLOUDS if name != cloud}
    return content_digest(canonical(platform.server.model_dump(mode="json", exclude=others)))


def _by_stack(stacks: Iterable[Stack], changes: Iterable[Change]) -> dict[Stack, list[Change]]:
    """Group ``changes`` by the stack they belong to, pruned ones of former stacks included."""
    found: dict[Stack, list[Change]] = {stack: [] for stack in stacks}
    for change in changes:
        state = change.desired or (change.found.state if change.found else None)
        labels = (state.labels if state else None) or {}
        stack = Stack(
            labels.get("environment", ""),
            labels.get("cloud", ""),
            labels.get("team", ""),
            labels.get("zenml_stack", ""),
        )
        found.setdefault(stack, []).append(change)
    return found


def _team(platform: Platform, stack: Stack) -> str | None:
    return stack.team if stack.team in platform.teams else None


def _refs(changes: Iterable[Change]) -> dict[str, list[str]]:
    """Return objects by what was done to them; one that was replaced was made anew beside the old one."""
    done: dict[str, list[str]] = {"created": [], "updated": [], "deleted": []}
    into = {"create": "created", "replace": "created", "update": "updated", "delete": "deleted"}
    for change in changes:
        done[into[change.action]].append("/".join(part for part in change.ref if part))
    return done
