"""Where a cloud keeps backups: each module is one cloud, whose store also gives up what need not be kept any longer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from governance.audit.store import Store
from governance.core.adapters import Adapters


class BackupStore(Store, Protocol):
    """Objects that are created once, never changed, and deleted when their time is up."""

    def delete(self, key: str) -> None:
        """Delete an object, with every version of it. One that is not there is no error.

        Raises:
            StoreError: the store refuses, as while the object is locked.
        """


class BackupCloud(ABC):
    """One cloud."""

    scheme = ""
    """What leads the URL of a place on this cloud; empty where it is a folder."""

    @abstractmethod
    def open(self, bucket: str, prefix: str, days: int) -> BackupStore:
        """Return the store of backups below ``prefix`` (empty, or ending in a slash), each locked for ``days``.

        Raises:
            StoreError: it is not there, or cannot be asked.
        """


CLOUDS: Adapters[BackupCloud] = Adapters(__name__, __path__)
