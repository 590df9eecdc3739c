"""The entries about one version in an environment's log, each with its proof, and that the log only ever grew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from governance.audit import LogReader
from governance.audit.canonical import canonical
from governance.audit.entry import Entry
from governance.audit.errors import AuditError, TamperedError
from governance.audit.events import AnyEvent, Approval, InfrastructureChange, Override, Promotion, Rollback
from governance.audit.layout import checkpoint_key, entry_key

OLDER = 256
"""Anchored checkpoints, newest first, under which the extract's own is proven consistent."""


@dataclass(frozen=True)
class Subject:
    """Which version of which model, by its files' digest too."""

    model: str
    version: str
    digest: str
    """``sha256:`` and 64 hexadecimal digits."""


@dataclass(frozen=True)
class Extract:
    """Entries of one log, and the files that prove them."""

    entries: tuple[Entry, ...]
    files: dict[str, bytes]

    def statements(self) -> Iterator[str]:
        """Return the digests of the statements that the entries name."""
        for entry in self.entries:
            match entry.event:
                case Approval() | Override() as given:
                    yield given.statement_digest
                case Promotion() as step:
                    yield from step.approvals
                    if "request" in step.evidence:
                        yield step.evidence["request"]

    def people(self) -> dict[str, Entry]:
        """Return for each pseudonym an entry that holds it."""
        return {entry.event.actor.id: entry for entry in reversed(self.entries)}


def extract(log: LogReader, subject: Subject) -> Extract:
    """Collect all entries of ``log`` about ``subject``, in files named as in the log.

    Raises:
        AuditError: the log cannot be read, was altered, or has no checkpoint yet.
    """
    entries = _about(log, subject)
    newest = log.checkpoint()
    if newest is None:
        if not log.size:
            return Extract((), {})
        raise AuditError(f"{log.store.place} has no checkpoint yet; append to it, which makes one.")
    checkpoint, note = newest
    entries = [entry for entry in entries if entry.sequence < checkpoint.size]
    tree = log.tree(checkpoint.size)
    if tree.root() != checkpoint.root:
        raise TamperedError(f"The entries in {log.store.place} are not those that were signed for.", 0)
    proofs = {str(entry.sequence): [node.hex() for node in tree.inclusion_proof(entry.sequence)] for entry in entries}
    files = {entry_key(entry.sequence): log.raw(entry.sequence) for entry in entries}
    older = {}
    for anchor in log.anchors:
        for size in [size for size in anchor.sizes() if 0 < size <= checkpoint.size][-OLDER:]:
            older[str(size)] = [node.hex() for node in tree.consistency_proof(size)]
            files[f"anchors/{checkpoint_key(size)}"] = anchor.read(size) or b""
    files |= {
        checkpoint_key(checkpoint.size): note,
        "consistency.json": canonical(older),
        "key.pub": "".join(f"{key}\n" for key in log.keys).encode(),
        "proofs.json": canonical({"proofs": proofs, "size": checkpoint.size}),
    }
    return Extract(tuple(entries), files)


def _about(log: LogReader, subject: Subject) -> list[Entry]:
    """Return the entries about ``subject`` and its runs, and of each the apply whose settings counted then."""
    entries = list(log.entries())
    runs = {entry.event.run for entry in entries if _names(entry.event, subject)} - {None}
    found: dict[int, Entry] = {}
    applied: Entry | None = None
    for entry in entries:
        event = entry.event
        if isinstance(event, InfrastructureChange) and event.outcome == "succeeded":
            applied = entry
        elif _names(event, subject) or event.run in runs:
            found |= {it.sequence: it for it in (applied, entry) if it is not None}
    return list(found.values())


def _names(event: AnyEvent, subject: Subject) -> bool:
    """Return whether ``event`` is about the version itself."""
    if event.model != subject.model:
        return False
    if isinstance(event, Override):  # one without a digest is for whatever the model's files are
        return event.model_digest in (None, subject.digest) and event.model_version in (None, subject.version)
    if isinstance(event, Rollback):
        return subject.version in (event.from_version, event.to_version)
    return event.model_version == subject.version
