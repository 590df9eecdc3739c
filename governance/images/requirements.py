"""The part of ``requirements.lock`` that an image needs: what its kind asks for by name, and all that follows from it.

uv writes below each package why it is there (``# via``), so the lock itself says what follows from what.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, get_args

from governance.images.lock_file import Locked, LockError

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


def packages_of(kind: Kind, lock: Collection[Locked]) -> tuple[Locked, ...]:
    """Return the packages that an image of ``kind`` holds: none that only developers need.

    A name that is locked for several systems is there with each of its markers; pip goes by them.

    Raises:
        LockError: the lock does not say why a package is there.
    """
    for entry in lock:
        if not entry.wanted_by:
            raise LockError(f"requirements.lock: {entry.name} has no reason (`# via`); run `make lock`.")
    chosen = {entry.name for entry in lock if _PROJECT in entry.wanted_by or entry.name in CONNECTORS}
    chosen -= WITHOUT[kind]
    while True:
        more = {entry.name for entry in lock if entry.wanted_by & chosen} - chosen - WITHOUT[kind]
        if not more:
            return tuple(entry for entry in lock if entry.name in chosen)
        chosen |= more
