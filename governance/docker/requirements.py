"""The part of ``requirements.lock`` that an image needs: what its kind asks for by name, and all that follows from it.

uv writes above each package why it is there (``# via``), so the lock itself says what follows from what.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["training", "inference"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_PROJECT = "groundwork (pyproject.toml)"

WITHOUT: Mapping[Kind, frozenset[str]] = {
    "training": frozenset({"copier"}),
    "inference": frozenset({"copier", "cyclonedx-python-lib", "evidently", "fairlearn", "google-cloud-bigquery"}),
}
"""What the project depends on and steps of this kind never import."""

CONNECTORS = frozenset({"aws-profile-manager", "google-cloud-artifact-registry", "google-cloud-container"})
"""What ZenML's connectors import when a step reaches its store; developers' machines have it from the dev group."""

_HEAD = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)(?P<marker>\s*;[^\\]*)?")


class LockError(Exception):
    """The lock cannot be read as uv writes it; the message says where."""


@dataclass(frozen=True)
class Locked:
    """One pinned package."""

    name: str
    version: str
    text: str
    """Its lines in the lock, hashes included, comments left out."""
    hashes: tuple[str, ...]
    """SHA-256 digests of its files, in hexadecimal."""
    wanted_by: frozenset[str]


def parse_lock(text: str) -> dict[str, Locked]:
    """Packages in a lock of ``uv pip compile --generate-hashes``, by name.

    Raises:
        LockError: an entry has no hash or does not say why it is there.
    """
    found: dict[str, Locked] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", text.strip()):
        head = _HEAD.match(block)
        if head is None:
            raise LockError(
                f"requirements.lock: {block.splitlines()[0]!r} is no pinned package. `make lock` writes it."
            )
        lines = [line for line in block.splitlines() if not line.lstrip().startswith("#")]
        hashes = tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", block))
        comments = [line.lstrip(" #").strip() for line in block.splitlines() if line.lstrip().startswith("#")]
        wanted_by = frozenset(comment.removeprefix("via ").strip() for comment in comments) - {"", "via"}
        if not hashes or not wanted_by:
            raise LockError(f"requirements.lock: {head['name']} has no hash or no reason. `make lock` writes both.")
        found[head["name"]] = Locked(head["name"], head["version"], "\n".join(lines), hashes, wanted_by)
    return found


def packages_of(kind: Kind, lock: Mapping[str, Locked]) -> dict[str, Locked]:
    """The packages that an image of ``kind`` holds: none that only developers need."""
    chosen = {name for name, entry in lock.items() if _PROJECT in entry.wanted_by or name in CONNECTORS}
    chosen -= WITHOUT[kind]
    while True:
        more = {name for name, entry in lock.items() if entry.wanted_by & chosen} - chosen - WITHOUT[kind]
        if not more:
            return {name: entry for name, entry in lock.items() if name in chosen}
        chosen |= more
