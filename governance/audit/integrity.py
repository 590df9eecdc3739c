"""Checking all of a log: every byte of every entry, checkpoint and leaf hash, against the signatures and the anchors.

``verify.py`` checks the same with the standard library alone; tests hold the two to the same answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from governance.audit.anchors import CheckpointSource
from governance.audit.checkpoint import Checkpoint, open_checkpoint
from governance.audit.entry import is_signed, sequence_in
from governance.audit.errors import SignatureError
from governance.audit.layout import (
    CHECKPOINTS,
    ENTRIES,
    LEAVES,
    checkpoint_key,
    entry_key,
    leaves_key,
    number_of,
)
from governance.audit.leaves import Leaves
from governance.audit.merkle import CompactRange, leaf_hash
from governance.audit.signer import Verifier
from governance.audit.store import Readable

_UNPRINTABLE = re.compile("[^ -~]")


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was signed."""

    index: int
    """The first entry that is wrong, missing or no longer vouched for."""
    what: str
    """In printable ASCII: names are chosen by whoever made the log, and none may forge a line of output."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "what", _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], self.what))


@dataclass(frozen=True)
class Report:
    """What checking a log found."""

    place: str
    entries: int
    """Entries found, up to the first that is missing."""
    checkpoint: int
    """Entries that the newest valid checkpoint of the log covers."""
    anchored: int | None
    """Entries that the newest valid checkpoint of an anchor covers; ``None`` without an anchor."""
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is as it was signed."""
        return not self.problems

    @property
    def first_bad(self) -> int | None:
        """The smallest index among the problems."""
        return min((problem.index for problem in self.problems), default=None)

    def as_json(self) -> dict[str, Any]:
        """Return the report for machines; ``verify.py`` prints the same."""
        return {
            "ok": self.ok,
            "first_bad": self.first_bad,
            "entries": self.entries,
            "checkpoint": self.checkpoint,
            "anchored": self.anchored,
            "problems": [{"index": problem.index, "what": problem.what} for problem in self.problems],
            "notes": list(self.notes),
        }


def verify_log(
    store: Readable,
    keys: Sequence[Verifier],
    anchors: Sequence[CheckpointSource],
    origin: str,
    *,
    snapshot: int | None = None,
) -> Report:
    """Check the log in ``store``, or a ``snapshot`` of its first so many entries, which anchors may have outgrown.

    Found are: a changed, missing, added or moved entry; a changed checkpoint, also where only its signature was
    touched; two histories under one key; and, as far as anchors reach, a history that was cut off or replaced.

    Raises:
        StoreError: the store or an anchor does not answer; then nothing is known.
    """
    return _Check(store, keys, anchors, origin, snapshot).run()


@dataclass(frozen=True)
class _Head:
    """A valid checkpoint and where it was found."""

    checkpoint: Checkpoint
    place: str

    @property
    def size(self) -> int:
        return self.checkpoint.size


@dataclass
class _Check:
    store: Readable
    keys: Sequence[Verifier]
    anchors: Sequence[CheckpointSource]
    origin: str
    snapshot: int | None
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    """Leaf hash of each entry that was found."""

    def run(self) -> Report:
        # In the reverse of the order in which a writer makes them, so that one at work is not taken for a forger.
        vouched = [(anchor.place, self._anchor_notes(anchor)) for anchor in self.anchors]
        own = {size: self.store.read(key) or b"" for size, key in self._numbered(CHECKPOINTS)}
        heads = self._valid(own, self.store.place)
        checkpoint = _largest(heads)
        anchored = self._anchored(own, heads, vouched) if vouched else None
        kept = self._kept_leaves()
        agreed, differs = self._walk(heads, kept)
        self._compare_leaves(kept, agreed if differs else len(self.hashes))
        self._cut_off(heads, agreed, kept)
        if self.snapshot is not None and self.snapshot != len(self.hashes):
            self._problem(len(self.hashes), f"this is an export of {self.snapshot} entries")
        self._check_unsealed(_largest(heads) if differs else agreed)
        self._describe_anchors(anchored)
        found = sorted(dict.fromkeys(self.problems), key=lambda problem: problem.index)
        return Report(self.store.place, len(self.hashes), checkpoint, anchored, tuple(found), tuple(self.notes))

    def _problem(self, index: int, what: str) -> None:
        self.problems.append(Problem(max(index, 0), what))

    def _numbered(self, prefix: str) -> Iterator[tuple[int, str]]:
        for key in self.store.list(prefix):
            number = number_of(key)
            if number is None:
                self._problem(0, f"{key} is no object of the log")
            else:
                yield number, key

    def _valid(self, notes: Mapping[int, bytes], place: str) -> list[_Head]:
        heads = []
        for size, note in notes.items():
            try:
                checkpoint = open_checkpoint(note, self.keys, self.origin)
            except SignatureError as error:
                self._problem(size - 1, f"{checkpoint_key(size)} in {place}: {error}")
                continue
            if checkpoint.size != size:
                self._problem(size - 1, f"{checkpoint_key(size)} in {place} holds size {checkpoint.size}")
                continue
            heads.append(_Head(checkpoint, place))
        return heads

    def _anchor_notes(self, anchor: CheckpointSource) -> dict[int, bytes]:
        sizes = list(anchor.sizes())
        notes = {size: anchor.read(size) or b"" for size in sizes if self.snapshot is None or size <= self.snapshot}
        if len(notes) < len(sizes):
            self.notes.append(f"This is an export of {self.snapshot} entries; {anchor.place} knows of {max(sizes)}.")
        return notes

    def _anchored(
        self, own: Mapping[int, bytes], heads: list[_Head], vouched: Sequence[tuple[str, Mapping[int, bytes]]]
    ) -> int:
        """Add the anchors' checkpoints to ``heads``; the largest size that an anchor vouches for."""
        sound = {head.size for head in heads}
        largest = 0
        for place, notes in vouched:
            # An export may have been made while a writer had still to write one.
            for size in sorted(notes.keys() - own.keys()) if self.snapshot is None else ():
                self._problem(size - 1, f"{checkpoint_key(size)} is gone from the log, {place} has it")
            same = {size for size, note in notes.items() if own.get(size) == note}
            others = self._valid({size: note for size, note in notes.items() if size not in same}, place)
            heads += others
            largest = max([largest, _largest(others), *(same & sound)])
        return largest

    def _kept_leaves(self) -> list[Leaves]:
        kept = []
        for size, key in self._numbered(LEAVES):
            leaves = Leaves.decode(self.store.read(key), size)
            if leaves is None:
                self._problem(size - 1, f"{key} was altered")
            else:
                kept.append(leaves)
        return kept

    def _walk(self, heads: Sequence[_Head], kept: Sequence[Leaves]) -> tuple[int, bool]:
        """Hash every entry and compare with every checkpoint on the way.

        Returns the size of the last checkpoint before which all agree, and whether one differs after it.
        """
        tree, agreed, differs = CompactRange(), 0, False
        heads_at, edges_at = _by_size(heads, lambda head: head.size), _by_size(kept, lambda leaves: leaves.start)
        for key in self.store.list(ENTRIES):
            sequence = tree.size
            if key != entry_key(sequence):
                if (number_of(key) or 0) > sequence:
                    self._problem(sequence, f"entry {sequence} is missing")
                    break
                self._problem(sequence, f"{key} is no object of the log")
                continue
            if sequence in edges_at and not differs:
                self._compare_edges(edges_at[sequence], tree)
            self.hashes.append(self._leaf(sequence, key))
            tree.append(self.hashes[-1])
            if tree.size in heads_at and not differs:
                root = tree.root()
                wrong = next((head for head in heads_at[tree.size] if head.checkpoint.root != root), None)
                if wrong is None:
                    agreed = tree.size
                else:
                    differs = True
                    self._locate(wrong, agreed, kept)
        return agreed, differs

    def _leaf(self, sequence: int, key: str) -> bytes:
        data = self.store.read(key) or b""
        claimed = sequence_in(data)
        if claimed != sequence:
            what = "no entry" if claimed is None else f"entry {claimed}"
            self._problem(sequence, f"the object for entry {sequence} holds {what}")
        return leaf_hash(data)

    def _compare_edges(self, kept: Sequence[Leaves], tree: CompactRange) -> None:
        for leaves in kept:
            if leaves.edge != tree.edge:
                self._problem(leaves.size - 1, f"{leaves_key(leaves.size)} was altered")

    def _locate(self, head: _Head, agreed: int, kept: Sequence[Leaves]) -> None:
        """Name the first entry that is not the one that ``head`` was signed for; all before ``agreed`` are."""
        index = self._first_changed(head, agreed, kept)
        if index is not None:
            self._problem(index, f"entry {index} was changed after it was signed for in {head.place}")
            return
        where = f"entry {agreed}" if head.size == agreed + 1 else f"one of the entries {agreed} to {head.size - 1}"
        self._problem(agreed, f"{where} is not the one that the checkpoint of size {head.size} in {head.place} covers")

    def _first_changed(self, head: _Head, agreed: int, kept: Sequence[Leaves]) -> int | None:
        """Find the first entry that differs from the kept leaf hashes, if those lead to ``head``, so are believed."""
        leaves = next((found for found in kept if found.size == head.size), None)
        if leaves is None or leaves.start > agreed or leaves.grown().root() != head.checkpoint.root:
            return None
        pairs = zip(leaves.hashes, self.hashes[leaves.start :], strict=False)
        return next((index for index, (signed, found) in enumerate(pairs, leaves.start) if signed != found), None)

    def _compare_leaves(self, kept: Sequence[Leaves], sound: int) -> None:
        for leaves in kept:
            if leaves.size > len(self.hashes):
                self._problem(len(self.hashes), f"{leaves_key(leaves.size)} lists entries that are gone")
            elif leaves.size <= sound and leaves.hashes != tuple(self.hashes[leaves.start : leaves.size]):
                self._problem(leaves.size - 1, f"{leaves_key(leaves.size)} was altered")

    def _cut_off(self, heads: Sequence[_Head], agreed: int, kept: Sequence[Leaves]) -> None:
        found = len(self.hashes)
        beyond = sorted((head for head in heads if head.size > found), key=lambda head: head.size)
        if beyond:
            last = beyond[-1]
            self._problem(found, f"cut off after {found} entries: {last.place} has a checkpoint of {last.size}")
            changed = self._first_changed(beyond[0], agreed, kept)
            if changed is not None:
                self._problem(changed, f"entry {changed} was changed after it was signed for in {beyond[0].place}")

    def _check_unsealed(self, sealed: int) -> None:
        """Check entries after the last checkpoint, as a crash leaves them; they stand by their own signatures."""
        alone = range(sealed, len(self.hashes))
        for sequence in alone:
            if not is_signed(self.store.read(entry_key(sequence)) or b"", self.keys, self.origin):
                self._problem(sequence, f"entry {sequence} was not signed by the log")
        if alone:
            self.notes.append(
                f"Entries {sealed} to {alone[-1]} stand by their own signatures, under no checkpoint yet."
            )

    def _describe_anchors(self, anchored: int | None) -> None:
        if not self.hashes:
            self.notes.append("There are no entries.")
        if anchored is None:
            self.notes.append("No anchor was given: that entries were cut off the end cannot be excluded.")
        elif anchored < len(self.hashes):
            self.notes.append(f"Anchors cover {anchored} entries: what followed may have been replaced.")


_Item = TypeVar("_Item")


def _by_size(items: Iterable[_Item], size_of: Callable[[_Item], int]) -> dict[int, list[_Item]]:
    found: dict[int, list[_Item]] = {}
    for item in items:
        found.setdefault(size_of(item), []).append(item)
    return found


def _largest(heads: Iterable[_Head]) -> int:
    return max((head.size for head in heads), default=0)
