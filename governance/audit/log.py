"""Appending to the log.

One append is: the entry, created only if its number is free; the leaf hashes and the signed checkpoint of the new
size; the checkpoint in every anchor. Only then is it acknowledged. A process that dies in between leaves at most
entries that no checkpoint covers yet; they are signed, so the next writer takes them over. Two writers that want the
same number: the store lets one create it, the other reads that entry and tries the next number.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from governance.audit.anchors import Anchor
from governance.audit.checkpoint import Checkpoint, open_checkpoint
from governance.audit.entry import Draft
from governance.audit.errors import TamperedError
from governance.audit.events import Event, rfc3339
from governance.audit.layout import checkpoint_key, entry_key, leaves_key
from governance.audit.leaves import GrowingRange
from governance.audit.reader import SEAL_EVERY, LogReader
from governance.audit.signer import Signer, Verifier
from governance.audit.store import Object, Store
from governance.core import clock

_PATIENCE = 20
"""Milliseconds to wait at most after losing a number, so that a crowd does not race for every single one."""


@dataclass(frozen=True)
class Receipt:
    """Proof for the caller that an event is in the log, durably, and covered by a signed and anchored checkpoint."""

    event: str
    """Id of the event."""
    sequence: int
    leaf: str
    """Leaf hash of the entry, hexadecimal."""
    size: int
    """Size of the checkpoint that covers it."""
    root: str
    """Root in that checkpoint, hexadecimal."""


class AuditLog(LogReader):
    """A log that can be written. Safe to use from several threads and processes at once.

    Args:
        store: where the log is.
        signer: signs entries and checkpoints.
        anchors: second places of checkpoints; an append waits for all of them.
        origin: the log's name.
        keys: further public keys that signed it earlier.
    """

    def __init__(
        self, store: Store, signer: Signer, anchors: Sequence[Anchor], origin: str, keys: Sequence[Verifier] = ()
    ) -> None:
        super().__init__(store, tuple(dict.fromkeys((signer.verifier, *keys))), anchors, origin)
        self._writable = store
        self._anchors = tuple(anchors)
        self._signer = signer
        self._lock = threading.Lock()
        self._doubtful = True
        """Whether the end of the log has to be looked up: at first, and after any failure."""

    def append(self, event: Event) -> Receipt:
        """Record ``event``; it is durable, signed for and anchored when this returns.

        After an error the event may or may not be in the log. Appending the same event (same ``id``) again is safe:
        an entry that an earlier, failed call wrote is completed rather than written twice.

        Raises:
            StoreError: the log or an anchor could not be written. Whatever depends on the record must not go ahead.
            TamperedError: the log was altered; nothing is added.
        """
        return self.append_many([event])[0]

    def append_many(self, events: Iterable[Event]) -> tuple[Receipt, ...]:
        """Record ``events`` in order, with one checkpoint for at most 1,024 of them. Errors as for :meth:`append`."""
        drafts = list({event.id: Draft(event) for event in events}.values())
        receipts: list[Receipt] = []
        with self._lock:
            for start in range(0, len(drafts), SEAL_EVERY):
                receipts += self._append_batch(drafts[start : start + SEAL_EVERY])
        return tuple(receipts)

    def _append_batch(self, drafts: Sequence[Draft]) -> list[Receipt]:
        if self._doubtful:
            self.refresh()
        self._doubtful = True
        left = [draft for draft in drafts if draft.event.id not in self._unsealed]
        grown = self._grown()
        losses = 0
        while left:
            items = self._objects(left, grown.size)
            held = self._writable.create_in_order(items)
            for draft, item in zip(left[:held], items[:held], strict=True):
                self._take(grown, draft.event.id, item.data)
            left = left[held:]
            if left:
                losses += 1
                time.sleep(secrets.randbelow(1000 * min(losses, _PATIENCE)) / 1e6)
                self._read_on(grown)
        checkpoint = self._seal(grown)
        receipts = []
        for draft in drafts:
            sequence, leaf = self._unsealed[draft.event.id]
            receipts.append(Receipt(draft.event.id, sequence, leaf.hex(), checkpoint.size, checkpoint.root.hex()))
        self._unsealed.clear()
        self._doubtful = False
        return receipts

    def _objects(self, drafts: Sequence[Draft], start: int) -> list[Object]:
        recorded = rfc3339(clock.now())
        return [
            Object(
                entry_key(sequence),
                draft.encode(sequence, recorded, self._signer, self.origin),
                draft.event.record_class,
            )
            for sequence, draft in enumerate(drafts, start)
        ]

    def _seal(self, grown: GrowingRange) -> Checkpoint:
        checkpoint = Checkpoint(self.origin, grown.size, grown.edge.root())
        note = checkpoint.signed(self._signer)
        # Another writer's object for this size may begin elsewhere and serves as well, so losing is no error.
        self._writable.create_if_absent(Object(leaves_key(grown.size), grown.leaves().encode()))
        if not self._writable.create_if_absent(Object(checkpoint_key(grown.size), note)):
            self._same_root(checkpoint, self.store.read(checkpoint_key(grown.size)), self.store.place)
        grown.sealed()
        for anchor in self._anchors:
            if not anchor.publish(checkpoint.size, note):
                self._same_root(checkpoint, anchor.read(checkpoint.size), anchor.place)
        return checkpoint

    def _same_root(self, ours: Checkpoint, note: bytes | None, place: str) -> None:
        """Check that a checkpoint already there differs in its signature only, as after a rotation of the key."""
        if open_checkpoint(note or b"", self.keys, self.origin) != ours:
            raise TamperedError(
                f"{place} holds another checkpoint of size {ours.size}: the log has been split in two. "
                "Run: python -m governance.cli.audit verify",
                ours.size - 1,
            )
