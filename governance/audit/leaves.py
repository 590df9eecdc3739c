"""Leaf hashes kept beside each checkpoint.

They are a convenience that nobody needs to trust: together they must give the signed root. With them a log opens
without reading it, and a changed entry is named exactly even when many entries share one checkpoint.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from governance.audit.layout import NUMBER_DIGITS
from governance.audit.merkle import CompactRange

_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Leaves:
    """How a tree grew to a checkpoint: its edge at ``start`` entries, and the hash of each leaf from there on."""

    start: int
    edge: tuple[bytes, ...]
    hashes: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Entries of the tree that these leaves lead to."""
        return self.start + len(self.hashes)

    def frontier(self) -> CompactRange:
        """Return the compact range of the tree at ``start``."""
        return CompactRange(self.start, self.edge)

    def grown(self) -> CompactRange:
        """Return the compact range of the tree at ``size``."""
        edge = self.frontier()
        for leaf in self.hashes:
            edge.append(leaf)
        return edge

    def encode(self) -> bytes:
        """Encode as canonical JSON; hexadecimal needs no escaping."""
        return f'{{"edge":{_spell(self.edge)},"leaves":{_spell(self.hashes)},"start":{self.start}}}'.encode()

    @classmethod
    def decode(cls, data: bytes | None, size: int) -> Leaves | None:
        """Decode the leaves in ``data`` if it holds those that lead to ``size``, else return None."""
        try:
            raw = json.loads(data or b"")
            found = cls(as_number(raw["start"]), as_hashes(raw["edge"]), as_hashes(raw["leaves"]))
            found.frontier()
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return found if found.encode() == data and found.size == size else None


class GrowingRange:
    """A tree's edge together with how it got there since its last checkpoint."""

    def __init__(self, edge: CompactRange) -> None:
        self.edge = edge
        self._base = edge.copy()
        self._hashes: list[bytes] = []

    @property
    def size(self) -> int:
        """Leaves of the tree."""
        return self.edge.size

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        self.edge.append(leaf)
        self._hashes.append(leaf)

    def leaves(self) -> Leaves:
        """Return what is kept beside a checkpoint of this size."""
        return Leaves(self._base.size, self._base.edge, tuple(self._hashes))

    def sealed(self) -> None:
        """Begin anew after a checkpoint of this size."""
        self._base = self.edge.copy()
        self._hashes = []


def _spell(hashes: Sequence[bytes]) -> str:
    return '["' + '","'.join(digest.hex() for digest in hashes) + '"]' if hashes else "[]"


def as_number(value: object) -> int:
    """Return ``value`` if it is a number of entries.

    Raises:
        ValueError: it is none, or one by another name, such as ``True`` or ``1.0``.
    """
    if type(value) is not int or not 0 <= value < 10**NUMBER_DIGITS:
        raise ValueError(f"{value!r:.40} is no number of entries")
    return value


def as_hashes(value: object) -> tuple[bytes, ...]:
    """Return the hashes that a list of them in hexadecimal spells.

    Raises:
        ValueError: it is no such list.
    """
    if type(value) is not list or not all(type(item) is str and _HASH.fullmatch(item) for item in value):
        raise ValueError("a hash is 64 hexadecimal digits")
    return tuple(map(bytes.fromhex, value))
