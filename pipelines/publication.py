"""Writing a file into an artifact store so that it is seen whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedWriter
from typing import IO, Any, Protocol

from pipelines.errors import PipelineError


class PartMissingError(PipelineError):
    """A shard's predictions are not where its step said they are."""


class RunStoppedError(PipelineError):
    """The run was stopped or has failed while a step of it went on."""


class FileStore(Protocol):
    """The part of ZenML's artifact stores that is needed here."""

    def open(self, path: str, mode: str = "r") -> Any:
        """Open a file."""

    def makedirs(self, path: str) -> None:
        """Make a folder and those above it."""

    def rename(self, src: str, dst: str, overwrite: bool = False) -> None:
        """Move a file."""

    def exists(self, path: str) -> bool:
        """Return whether a file is there."""

    def rmtree(self, path: str) -> None:
        """Delete a folder."""

    def remove(self, path: str) -> None:
        """Delete a file."""


@contextmanager
def publish(store: FileStore, uri: str) -> Iterator[IO[bytes]]:
    """Yield a file to write; it appears at ``uri`` when the block ends, and never if the block raises.

    Until then it has a hidden name in the same folder. Locally the move is a rename; in a bucket it is a copy made by
    the bucket itself, which shows the whole object or none. If the process dies, the hidden file may stay behind.
    """
    folder, name = uri.rsplit("/", 1)
    hidden = f"{folder}/.{name}.partial"
    store.makedirs(folder)
    file = store.open(hidden, "wb")
    done = False
    try:
        yield file
        if isinstance(file, BufferedWriter):
            # A rename may reach the disk before the content does, and a power cut would then show an empty file.
            file.flush()
            os.fsync(file.fileno())
        file.close()
        store.rename(hidden, uri, overwrite=True)
        done = True
    finally:
        if not done:
            file.close()
            store.remove(hidden)


def publish_parts(store: FileStore, staging: str, folder: str, rows: Mapping[str, int]) -> None:
    """Move the files that ``rows`` names, with the rows of each, from ``staging`` into ``folder`` once all are there.

    The file ``_SUCCESS`` comes last and lists them. Files are moved one after the other, so whoever may read a folder
    while it is published waits for that one, as with folders that Spark writes.

    Raises:
        PartMissingError: a file is not there; nothing was moved.
    """
    missing = [name for name in rows if not any(store.exists(f"{where}/{name}") for where in (staging, folder))]
    if missing:
        raise PartMissingError(f"{folder}: nothing is published, as there is no {', '.join(missing)} in {staging}")
    for name in rows:
        if store.exists(f"{staging}/{name}"):  # else a step that is tried again has moved it before
            store.rename(f"{staging}/{name}", f"{folder}/{name}", overwrite=True)
    with publish(store, f"{folder}/_SUCCESS") as file:
        file.write(json.dumps({"rows": sum(rows.values()), "parts": dict(rows)}, indent=2).encode() + b"\n")
    if store.exists(staging):
        store.rmtree(staging)
