"""Small files that governance keeps in an environment's artifact store, whichever cloud it is on."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.local_paths import checked_name

if TYPE_CHECKING:
    from zenml.artifact_stores import BaseArtifactStore


def path_in(store: BaseArtifactStore, *parts: str) -> str:
    """Return the path or URL of a file that governance keeps in ``store``.

    Raises:
        UnsafeNameError: a part would lead elsewhere.
    """
    return "/".join((store.path.rstrip("/"), "governance", checked_name("/".join(parts))))


def failures_of(location: str) -> tuple[type[Exception], ...]:
    """Return what reading and writing at ``location`` raises when the store refuses it, is away or is gone."""
    if location.startswith("s3://"):
        from botocore.exceptions import BotoCoreError

        return (OSError, BotoCoreError)
    return (OSError,)


def create_once(store: BaseArtifactStore, path: str, content: bytes) -> bool:
    """Write ``content`` to ``path`` unless something is there already.

    On a local store this is atomic and durable: of two writers exactly one gets ``True`` and no reader ever sees a
    part. Object stores write whole objects, but ZenML's interface has no conditional write, so two writers that ask
    at the same moment may both get ``True`` there.

    Returns:
        Whether this call wrote the file.
    """
    if store.exists(path):
        return False
    store.makedirs(path.rsplit("/", 1)[0])
    if "://" in store.path:
        with store.open(path, "wb") as file:
            file.write(content)
        return True
    folder = Path(path).parent
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(file.name, path)
    except FileExistsError:
        return False
    finally:
        Path(file.name).unlink()
    return True
