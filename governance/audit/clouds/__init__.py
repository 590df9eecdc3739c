"""Where a cloud keeps the log, and what signs it there: each module is one cloud."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from governance.core.adapters import Adapters

if TYPE_CHECKING:
    from environments import Environment
    from environments.names import Names
    from governance.audit.location import Location
    from governance.audit.signer import Signer
    from governance.audit.store import Retention, Store


class AuditCloud(ABC):
    """One cloud. An environment that is handed to it has that cloud's section."""

    scheme = ""
    """What leads the URL of an anchor on this cloud; empty where an anchor is a folder."""

    @abstractmethod
    def store(self, where: Location, names: Names) -> Store:
        """Return the store of the log at ``where``, which Terraform made under one of the platform's ``names``.

        Raises:
            StoreError: it is not there, or cannot be asked.
        """

    @abstractmethod
    def anchor(self, bucket: str, prefix: str, retention: Retention) -> Store:
        """Return the store of checkpoints below ``prefix`` (empty, or ending in a slash) of ``bucket``.

        Raises:
            StoreError: it cannot be asked.
        """

    def service_key(self, environment: Environment) -> str | None:  # noqa: ARG002 (for clouds that have one)
        """Return the key of the cloud's key service that signs, where the settings name one."""
        return None

    def service_signer(self, origin: str, key: str, environment: Environment) -> Signer:
        """Return what signs as ``origin`` with ``key`` of the cloud's key service.

        Raises:
            SignatureError: the key cannot be used.
        """
        raise NotImplementedError(f"{type(self).__name__} has no key service")


CLOUDS: Adapters[AuditCloud] = Adapters(__name__, __path__)
