"""The registry of an environment: how images are called in it, and how to log in with the identity at hand."""

from __future__ import annotations

from dataclasses import dataclass

from governance.core.errors import RefusedError
from governance.images.clouds import CLOUDS
from governance.images.requirements import ImageKind
from stack_bootstrap.contract import StackContract


class NoRegistryError(RefusedError):
    """There is no registry that an image could be pushed to."""


@dataclass(frozen=True)
class Registry:
    """Where images of one environment go."""

    flavor: str
    uri: str
    repository: str | None = None
    """The one repository, where a registry holds a fixed number of them (ECR)."""
    region: str | None = None
    role: str | None = None
    """The role that may push, where it is not the identity at hand itself."""

    @property
    def host(self) -> str:
        """What the container engine logs in to."""
        return self.uri.partition("/")[0]

    def tag(self, kind: ImageKind, commit: str) -> str:
        """Return the full name of an image of ``kind`` made from ``commit``, beside which the server's names more."""
        short = commit if kind == "server" else commit[:12]
        if self.repository:
            return f"{self.uri}/{self.repository}:groundwork-{kind}-{short}"
        return f"{self.uri}/groundwork-{kind}:{short}"

    def credentials(self) -> tuple[str, str] | None:
        """Return user and short-lived password; None where the container engine is logged in already."""
        return CLOUDS[self.flavor].credentials(self.region, self.role)


def registry_of(contract: StackContract) -> Registry:
    """Return the registry in ``contract``.

    Raises:
        NoRegistryError: the stack has none that images can be pushed to, or it is simulated.
    """
    component = contract.components.get("container_registry")
    # Registries of no cloud are of one flavour; the contract's cloud says whose they are.
    kind = component.flavor if component is not None and component.flavor in CLOUDS else contract.cloud
    if component is None or kind not in CLOUDS:
        raise NoRegistryError(
            f"The stack {contract.stack.name} has no registry to push to. Choose a cloud (CLOUD=) that was applied."
        )
    if contract.simulated:
        raise NoRegistryError(
            f"The registry of {contract.stack.name} is simulated (OFFLINE=1); nothing can be pushed to it."
        )
    found = component.configuration
    connector = contract.connectors[component.connector].configuration if component.connector else {}
    return Registry(
        kind,
        str(found["uri"]),
        _text(found.get("default_repository")),
        _text(connector.get("region")),
        _text(connector.get("role_arn")),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
