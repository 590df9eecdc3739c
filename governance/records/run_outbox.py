"""Events of a run that wait in the artifact store, which every step of it can write."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zenml.client import Client

from environments.files import sha256_hex
from governance.audit.canonical import canonical
from governance.audit.events import Event
from governance.core.store_files import create_once, path_in

if TYPE_CHECKING:
    from zenml.artifact_stores import BaseArtifactStore

_FOLDER = "spool"
"""Where in the artifact store's ``governance`` folder events wait."""


@dataclass(frozen=True)
class StoredFile:
    """A file in an artifact store; see :class:`governance.audit.outbox.Waiting`."""

    store: BaseArtifactStore
    place: str

    def read(self) -> bytes:
        """Return what it holds."""
        with self.store.open(self.place, "rb") as file:
            content: bytes = file.read()
            return content

    def remove(self) -> None:
        """Forget it, and the run's folder with the last one."""
        self.store.remove(self.place)
        with suppress(OSError):  # it holds more, or the store knows no folders
            Path(self.place).parent.rmdir()


def enqueue(event: Event) -> bool:
    """Leave ``event`` of a run for the log; of several with one label only the first.

    Returns:
        Whether this call left it.
    """
    assert event.run is not None
    store = Client().active_stack.artifact_store
    name = f"{sha256_hex(event.label)[:32]}.json"
    return create_once(store, path_in(store, _FOLDER, event.run, name), canonical(event.content()))


def pending(run: str) -> list[StoredFile]:
    """Return what the steps of ``run`` left."""
    store = Client().active_stack.artifact_store
    folder = path_in(store, _FOLDER, run)
    names = sorted(str(name) for name in store.listdir(folder)) if store.exists(folder) else []
    return [StoredFile(store, f"{folder}/{name}") for name in names if name.endswith(".json") and name[0] != "."]
