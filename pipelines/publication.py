"""Writing a file into an artifact store so that it is seen whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from typing import IO, Any, Protocol


class FileStore(Protocol):
    """The part of ZenML's artifact stores that is needed here."""

    def open(self, path: str, mode: str = "r") -> Any:
        """Open a file."""

    def makedirs(self, path: str) -> None:
        """Make a folder and those above it."""

    def rename(self, src: str, dst: str, overwrite: bool = False) -> None:
        """Move a file."""

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
