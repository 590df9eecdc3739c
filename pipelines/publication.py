"""Writing a file into an artifact store so that it is seen whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedWriter
from typing import IO, Any, Final, Protocol

from pipelines.errors import PipelineError

SUCCESS: Final = "_SUCCESS"
"""The file of a folder of parts that comes last and lists them."""


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

    def listdir(self, path: str) -> Any:
        """Return the names of what is in a folder."""

    def rmtree(self, path: str) -> None:
        """Delete a folder."""

    def remove(self, path: str) -> None:
        """Delete a file."""


def published_folder(root: str, model: str, run: str) -> str:
    """Return where the predictions of ``run`` of ``model`` are found below a store's ``root`` once they are public."""
    return f"{root}/predictions/{model}/{run}"


def pending_folder(root: str, model: str, run: str) -> str:
    """Return where predictions of ``run`` wait until they may be published; readers of data sets leave it out."""
    return f"{root}/predictions/{model}/_pending/{run}"


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
    with publish(store, f"{folder}/{SUCCESS}") as file:
        file.write(json.dumps({"rows": sum(rows.values()), "parts": dict(rows)}, indent=2).encode() + b"\n")
    if store.exists(staging):
        store.rmtree(staging)


def publish_pending(store: FileStore, pending: str, folder: str) -> tuple[str, ...]:
    """Move what waits in ``pending`` into ``folder``, the file that says so last. May be repeated after a crash.

    Returns:
        The names of the files that were moved now.

    Raises:
        PartMissingError: a list of parts waits there, and a part of it is neither there nor published.
    """
    found = sorted(str(name) for name in store.listdir(pending)) if store.exists(pending) else []
    names = [name for name in found if name == SUCCESS or name[0] not in "._"]
    if SUCCESS in names:
        with store.open(f"{pending}/{SUCCESS}", "r") as file:
            listed = json.load(file)["parts"]
        missing = [name for name in listed if name not in names and not store.exists(f"{folder}/{name}")]
        if missing:
            raise PartMissingError(f"{folder}: nothing is published, as there is no {', '.join(missing)} in {pending}")
        names = [*(name for name in names if name != SUCCESS), SUCCESS]
    if names:
        store.makedirs(folder)
    for name in names:
        store.rename(f"{pending}/{name}", f"{folder}/{name}", overwrite=True)
    if names and store.exists(pending):  # an object store keeps no empty folder
        store.rmtree(pending)
    return tuple(names)
