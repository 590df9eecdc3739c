"""Terraform values as Python ones, and the unknown value.

``null`` is ``None``, objects and maps are ``dict``, lists, sets and tuples are ``list``, and a value that is only
known after apply is :data:`UNKNOWN`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final


class _Unknown:
    """The type of :data:`UNKNOWN`; two unknown values compare equal only by identity of the one instance."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


def is_wholly_known(value: Any) -> bool:
    """Return whether no part of ``value`` is unknown."""
    if value is UNKNOWN:
        return False
    if isinstance(value, dict):
        return all(is_wholly_known(v) for v in value.values())
    if isinstance(value, list):
        return all(is_wholly_known(v) for v in value)
    return True


def find(value: Any, path: str) -> list[Any]:
    """Find every value that the dotted ``path`` leads to; a list on the way is entered, by element or by index.

    ``find({"a": [{"b": 1}, {"b": 2}]}, "a.b") == [1, 2]``. A path that leads nowhere gives ``[]``.
    """
    here = [value]
    for step in path.split("."):
        below: list[Any] = []
        for item in here:
            if isinstance(item, list):
                if step.isdigit():
                    below.extend(item[int(step) : int(step) + 1])
                    continue
                below.extend(e.get(step) for e in item if isinstance(e, dict))
            elif isinstance(item, dict):
                below.append(item.get(step))
            elif item is UNKNOWN:
                below.append(UNKNOWN)
        here = [item for item in below if item is not None]
    return here


def digest(*parts: Any) -> bytes:
    """Return a SHA-256 over ``parts``, the same in every run and on every machine."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode()).digest()
