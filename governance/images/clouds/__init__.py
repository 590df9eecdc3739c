"""How whoever runs this logs in to a cloud's registry: each module is one cloud, by the flavour of its registries."""

from __future__ import annotations

from abc import ABC, abstractmethod

from governance.core.adapters import Adapters


class RegistryCloud(ABC):
    """The registries of one cloud."""

    @abstractmethod
    def credentials(self, region: str | None, role: str | None) -> tuple[str, str]:
        """Return user and short-lived password.

        Args:
            region: where the registry is.
            role: that may push, where it is not the identity at hand itself.
        """


CLOUDS: Adapters[RegistryCloud] = Adapters(__name__, __path__)
