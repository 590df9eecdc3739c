"""The part of a lock that an image needs: what its kind asks for by name, and all that follows from it.

uv writes below each package why it is there (``# via``), so the lock itself says what follows from what.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Literal, get_args

from governance.images.lock_file import Locked, LockError

Kind = Literal["training", "inference"]
KINDS: tuple[Kind, ...] = get_args(Kind)

ImageKind = Literal["training", "inference", "server"]
"""What an image is for: a kind of step, or the shared server, which has the packages of inference."""
IMAGE_KINDS: tuple[ImageKind, ...] = get_args(ImageKind)

_ASKED_FOR = re.compile(r"groundwork \(pyproject\.toml(?::(?!dev\)).+)?\)")
"""How uv names what asks for a package: the project, or the group of a place of work, but not what developers use."""

WITHOUT: Mapping[Kind, frozenset[str]] = {
    "training": frozenset({"copier"}),
    "inference": frozenset(
        {"copier", "cyclonedx-python-lib", "evidently", "fairlearn", "google-cloud-bigquery", "matplotlib"}
    ),
}
"""What is asked for and steps of this kind never use. ZenML asks ``uv`` in each step which packages there are."""


def packages_of(kind: Kind, lock: Collection[Locked]) -> tuple[Locked, ...]:
    """Return the packages that an image of ``kind`` holds: none that only developers need.

    A name that is locked for several systems is there with each of its markers; pip goes by them.

    Raises:
        LockError: the lock does not say why a package is there.
    """
    for entry in lock:
        if not entry.wanted_by:
            raise LockError(f"{entry.name} has no reason (`# via`); run `make lock`.")
    chosen = {entry.name for entry in lock if any(map(_ASKED_FOR.fullmatch, entry.wanted_by))}
    chosen -= WITHOUT[kind]
    while True:
        more = {entry.name for entry in lock if entry.wanted_by & chosen} - chosen - WITHOUT[kind]
        if not more:
            return tuple(entry for entry in lock if entry.name in chosen)
        chosen |= more
