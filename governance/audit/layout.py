"""Where each object of a log is kept in its store.

Zero-padded numbers make the order of keys the order of entries; a thousand to a folder keeps folders small.
"""

from __future__ import annotations

import re

ENTRIES = "entries/"
CHECKPOINTS = "checkpoints/"
LEAVES = "leaves/"
SUBJECTS = "subjects/"
LARGEST = 1 << 28
"""Bytes of one object; no honest one comes near."""
STATEMENTS = "statements/"
"""What people signed: approvals and overrides. Entries name them by digest."""

MIGRATIONS = "migrations/"
"""What became of each identifier when a team moved. Entries name these maps by digest."""

NUMBER_DIGITS = 10
_NUMBERED = re.compile("(?:entries|checkpoints|leaves)/([0-9]{7})/([0-9]{10})")


def entry_key(sequence: int) -> str:
    """Return the key of the entry with this sequence number, counted from 0."""
    return _numbered(ENTRIES, sequence)


def checkpoint_key(size: int) -> str:
    """Return the key of the signed checkpoint of the first ``size`` entries."""
    return _numbered(CHECKPOINTS, size)


def leaves_key(size: int) -> str:
    """Return the key of the leaf hashes up to ``size`` and the compact range before them."""
    return _numbered(LEAVES, size)


def number_of(key: str) -> int | None:
    """Return the sequence number or size that ``key`` stands for, if it is a key of one of these kinds."""
    match = _NUMBERED.fullmatch(key)
    if match is None or int(match[2]) // 1000 != int(match[1]):
        return None
    return int(match[2])


def _numbered(kind: str, number: int) -> str:
    return f"{kind}{number // 1000:07d}/{number:0{NUMBER_DIGITS}d}"
