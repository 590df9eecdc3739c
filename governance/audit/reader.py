"""Reading a log: where it ends, what it holds, and proofs about it. Needs no private key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from governance.audit.anchors import CheckpointSource
from governance.audit.checkpoint import Checkpoint, open_checkpoint
from governance.audit.entry import Entry, decode, event_id_in, is_signed
from governance.audit.errors import MissingEntryError, TamperedError
from governance.audit.integrity import Report, verify_log
from governance.audit.layout import CHECKPOINTS, checkpoint_key, entry_key, leaves_key, number_of
from governance.audit.leaves import GrowingRange, Leaves
from governance.audit.merkle import CompactRange, Tree, leaf_hash
from governance.audit.signer import Verifier
from governance.audit.store import Readable

SEAL_EVERY = 1024
"""Entries between two checkpoints at most."""


class LogReader:
    """A view of a log, as far as it has been read; :meth:`refresh` moves it to the end.

    Nothing of an entry is given out before the log's signature on it and its place in the signed tree were checked.

    Args:
        store: where the log is.
        keys: public keys that may have signed it; several after a rotation.
        anchors: second places of checkpoints.
        origin: the log's name, which its checkpoints carry.
    """

    def __init__(
        self, store: Readable, keys: Sequence[Verifier], anchors: Sequence[CheckpointSource], origin: str
    ) -> None:
        self.store = store
        self.keys = tuple(keys)
        self.anchors = tuple(anchors)
        self.origin = origin
        self._known: GrowingRange | None = None
        self._restored = 0
        """Size of the checkpoint from which this object reads on."""
        self._leaves: list[bytes] | None = None
        """Hashes of the leaves up to there, looked up when the first entry is read."""
        self._read_leaves: list[bytes] = []
        """Hashes of the leaves from there on."""
        self._unsealed: dict[str, tuple[int, bytes]] = {}
        """Sequence and leaf hash, by event id, of entries that this object has not seen a checkpoint for."""

    @property
    def size(self) -> int:
        """Entries seen so far."""
        return self._grown().size

    def refresh(self) -> int:
        """Read on to the end of the log and return how many entries it has.

        Raises:
            TamperedError: entries that were signed for are gone, or one was slipped in.
            StoreError: the store does not answer.
        """
        grown = self._grown()
        self._read_on(grown)
        self._nothing_was_cut_off(grown)
        self._anchors_agree(grown.edge)
        return grown.size

    def entry(self, sequence: int) -> Entry:
        """Return the entry with this number; errors as for :meth:`raw`."""
        return decode(self.raw(sequence), sequence)

    def raw(self, sequence: int) -> bytes:
        """Return the stored bytes of an entry, which are the leaf of the tree.

        Raises:
            MissingEntryError: there is none.
            TamperedError: what is there was not signed by the log, or is not what the tree has in that place.
        """
        data = self._stored(sequence)
        if sequence >= self.size:
            self.refresh()
        placed = self._leaf(sequence)
        if not is_signed(data, self.keys, self.origin) or leaf_hash(data) != placed:
            raise TamperedError(
                f"Entry {sequence} in {self.store.place} was altered. Run: python -m governance.cli.audit verify",
                sequence,
            )
        return data

    def _stored(self, sequence: int) -> bytes:
        """Read the bytes at ``sequence`` as the store gives them: for hashing only."""
        data = self.store.read(entry_key(sequence)) if sequence >= 0 else None
        if data is None:
            raise MissingEntryError(f"{self.store.place} has no entry {sequence}.")
        return data

    def _leaf(self, sequence: int) -> bytes:
        if sequence >= self._restored:
            return self._read_leaves[sequence - self._restored]
        return self._leaves_before()[sequence]

    def _leaves_before(self) -> list[bytes]:
        if self._leaves is None:
            self._leaves = self._find_leaves(self._restored)
        return self._leaves

    def _find_leaves(self, size: int) -> list[bytes]:
        """Find the leaf hashes up to the checkpoint of ``size``.

        They are those kept beside checkpoints or, where those do not give the signed root, the entries' own.
        """
        root, pieces, at = self._checkpoint_at(size)[0].root if size else b"", list[Sequence[bytes]](), size
        while at and (kept := Leaves.decode(self.store.read(leaves_key(at)), at)) and kept.start < at:
            pieces.append(kept.hashes)
            at = kept.start
        hashes = [leaf for piece in reversed(pieces) for leaf in piece]
        if size and (at or _root(hashes) != root):
            hashes = [leaf_hash(self._stored(sequence)) for sequence in range(size)]
            if _root(hashes) != root:
                raise self._another_tree(size)
        return hashes

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """Yield entries in order, to the end of the log unless ``stop`` (excluded) is given."""
        for sequence in range(start, self.refresh() if stop is None else stop):
            yield self.entry(sequence)

    def newest_first(self) -> Iterator[Entry]:
        """Yield entries from the end of the log to its beginning."""
        for sequence in reversed(range(self.refresh())):
            yield self.entry(sequence)

    def checkpoint(self) -> tuple[Checkpoint, bytes] | None:
        """Return the newest checkpoint and its signed note, None for a log without one."""
        size = self._newest_checkpoint()
        return None if size is None else self._checkpoint_at(size)

    def tree(self, size: int | None = None) -> Tree:
        """Return the Merkle tree of the first ``size`` entries (all by default), for proofs, of what is
        in the store: compare its root with a checkpoint's."""
        return Tree(leaf_hash(self._stored(s)) for s in range(self.refresh() if size is None else size))

    def verify(self) -> Report:
        """Check all of the log; see :func:`governance.audit.integrity.verify_log`."""
        return verify_log(self.store, self.keys, self.anchors, self.origin)

    def _grown(self) -> GrowingRange:
        if self._known is None:
            size = self._newest_checkpoint()
            known = GrowingRange(CompactRange() if size is None else self._restore(size))
            self._restored = known.size
            self._read_on(known)
            self._known = known
        return self._known

    def _newest_checkpoint(self) -> int | None:
        end = self._guess_end()
        # Checkpoints are at most SEAL_EVERY apart, so listing from there finds one unless writers kept crashing.
        near = checkpoint_key(max(0, end - 2 * SEAL_EVERY))
        for after in (near, ""):
            sizes = [n for n in map(number_of, self.store.list(CHECKPOINTS, after=after)) if n is not None]
            if sizes:
                return sizes[-1]
        return None

    def _guess_end(self) -> int:
        """Guess how many entries there are, in O(log n) reads. Wrong if some are missing, which is found out later."""
        if self.store.read(entry_key(0)) is None:
            return 0
        present, absent = 0, 1
        while self.store.read(entry_key(absent)) is not None:
            present, absent = absent, 2 * absent
        while absent - present > 1:
            middle = (present + absent) // 2
            if self.store.read(entry_key(middle)) is None:
                absent = middle
            else:
                present = middle
        return absent

    def _checkpoint_at(self, size: int) -> tuple[Checkpoint, bytes]:
        note = self.store.read(checkpoint_key(size)) or b""
        checkpoint = open_checkpoint(note, self.keys, self.origin)
        if checkpoint.size != size:
            raise TamperedError(f"{checkpoint_key(size)} holds the checkpoint of size {checkpoint.size}.", size)
        return checkpoint, note

    def _restore(self, size: int) -> CompactRange:
        """Restore the tree at a checkpoint, from the hashes kept beside it or else from the entries themselves."""
        checkpoint, _ = self._checkpoint_at(size)
        if size and self.store.read(entry_key(size - 1)) is None:
            raise self._cut_off(self._guess_end(), size, self.store.place)
        leaves = Leaves.decode(self.store.read(leaves_key(size)), size)
        edge = CompactRange() if leaves is None else leaves.grown()
        if edge.root() != checkpoint.root:
            edge = CompactRange()
            for sequence in range(size):
                edge.append(leaf_hash(self._stored(sequence)))
        if edge.root() != checkpoint.root:
            raise self._another_tree(size)
        return edge

    def _another_tree(self, size: int) -> TamperedError:
        return TamperedError(
            f"The entries in {self.store.place} are not those that the checkpoint of size {size} was signed for. "
            "Run: python -m governance.cli.audit verify",
            size - 1,
        )

    def _read_on(self, grown: GrowingRange) -> None:
        while (data := self.store.read(entry_key(grown.size))) is not None:
            sequence = grown.size
            if not is_signed(data, self.keys, self.origin):
                raise TamperedError(f"Entry {sequence} in {self.store.place} was not signed by the log.", sequence)
            self._take(grown, event_id_in(data), data)

    def _take(self, grown: GrowingRange, event_id: str, data: bytes) -> None:
        """Add an entry that is in the store to the tree."""
        leaf = leaf_hash(data)
        self._unsealed[event_id] = (grown.size, leaf)
        self._read_leaves.append(leaf)
        grown.append(leaf)

    def _nothing_was_cut_off(self, grown: GrowingRange) -> None:
        for place, sizes in self._signed_sizes(grown.size):
            newest = max(sizes, default=0)
            if newest > grown.size:
                self._read_on(grown)  # another writer may just have added it
            if newest > grown.size:
                raise self._cut_off(grown.size, newest, place)

    def _anchors_agree(self, edge: CompactRange) -> None:
        for anchor in self.anchors:
            note = anchor.read(edge.size)
            if note is not None and open_checkpoint(note, self.keys, self.origin).root != edge.root():
                raise TamperedError(
                    f"The log in {self.store.place} was rewritten: its {edge.size} entries are not those that the "
                    f"checkpoint in {anchor.place} was signed for. Run: python -m governance.cli.audit verify",
                    edge.size - 1,
                )

    def _signed_sizes(self, after: int) -> Iterator[tuple[str, Iterable[int]]]:
        keys = self.store.list(CHECKPOINTS, after=checkpoint_key(after))
        yield self.store.place, (size for size in map(number_of, keys) if size is not None)
        for anchor in self.anchors:
            yield anchor.place, anchor.sizes(after)

    def _cut_off(self, found: int, signed: int, place: str) -> TamperedError:
        return TamperedError(
            f"The log in {self.store.place} was cut off: it has {found} entries, but a checkpoint in {place} was "
            f"signed for {signed}. Nothing can be added until they are restored.",
            found,
        )


def _root(leaves: Sequence[bytes]) -> bytes:
    edge = CompactRange()
    for leaf in leaves:
        edge.append(leaf)
    return edge.root()
