"""What a secret, a connector, a component and a stack are, in the contract's world and in ZenML's alike.

The same four classes hold what is desired and what is found, so that comparing them is comparing their fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Kind = Literal["secret", "connector", "component", "stack"]


class Ref(NamedTuple):
    """What identifies an object in ZenML."""

    kind: Kind
    name: str
    type: str = ""
    """The component's type; empty for the other kinds, whose names are unique by themselves."""

    @property
    def title(self) -> str:
        """The kind as a person reads it, such as ``artifact_store component``."""
        return f"{self.type} {self.kind}" if self.type else self.kind


@dataclass(frozen=True)
class SecretState:
    """A ZenML secret.

    ``labels`` is ``None`` for a secret that Groundwork did not make. ``values`` is ``None`` when values are not to be
    compared, and is left out of ``repr`` so that it ends up in no log.
    """

    name: str
    labels: Mapping[str, str] | None
    values: Mapping[str, str] | None = field(repr=False)

    @property
    def ref(self) -> Ref:
        """The secret's identity."""
        return Ref("secret", self.name)

    def fields(self) -> dict[str, Any]:
        """Return every field by its path."""
        return {**_under("values", self.values), **_under("labels", self.labels)}


@dataclass(frozen=True)
class ConnectorState:
    """A ZenML service connector."""

    name: str
    labels: Mapping[str, str] | None
    type: str
    auth_method: str
    resource_type: str
    resource_id: str | None
    configuration: Mapping[str, Any] = field(repr=False)

    @property
    def ref(self) -> Ref:
        """The connector's identity."""
        return Ref("connector", self.name)

    def fields(self) -> dict[str, Any]:
        """Return every field by its path."""
        return {
            **self.fixed(),
            **_under("configuration", self.configuration),
            **_under("labels", self.labels),
        }

    def fixed(self) -> dict[str, Any]:
        """Return the fields that ZenML refuses to change on a connector in use."""
        return _given(
            type=self.type,
            auth_method=self.auth_method,
            resource_type=self.resource_type,
            resource_id=self.resource_id,
        )


@dataclass(frozen=True)
class ComponentState:
    """A ZenML stack component. ``connector`` is the name of the service connector that it is linked to."""

    name: str
    labels: Mapping[str, str] | None
    type: str
    flavor: str
    configuration: Mapping[str, Any] = field(repr=False)
    connector: str | None = None
    connector_resource_id: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: frozenset[str] = frozenset()

    @property
    def ref(self) -> Ref:
        """The component's identity."""
        return Ref("component", self.name, self.type)

    def fields(self) -> dict[str, Any]:
        """Return every field by its path."""
        return {
            **self.fixed(),
            **_given(connector=self.connector, connector_resource_id=self.connector_resource_id),
            **_under("configuration", self.configuration),
            **_under("environment", self.environment),
            **_given(secrets=sorted(self.secrets) or None),
            **_under("labels", self.labels),
        }

    def fixed(self) -> dict[str, Any]:
        """Return the fields that ZenML cannot change."""
        return {"flavor": self.flavor}


@dataclass(frozen=True)
class StackState:
    """A ZenML stack: the names of its components by type."""

    name: str
    labels: Mapping[str, str] | None
    components: Mapping[str, tuple[str, ...]]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: frozenset[str] = frozenset()

    @property
    def ref(self) -> Ref:
        """The stack's identity."""
        return Ref("stack", self.name)

    def fields(self) -> dict[str, Any]:
        """Return every field by its path."""
        return {
            **_under("components", {kind: ", ".join(names) for kind, names in self.components.items()}),
            **_under("environment", self.environment),
            **_given(secrets=sorted(self.secrets) or None),
            **_under("labels", self.labels),
        }


State = SecretState | ConnectorState | ComponentState | StackState


def overlay(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to send to a ZenML update so that ``before`` becomes ``after``: None removes a key."""
    before = before or {}
    changed = {key: value for key, value in after.items() if key not in before or before[key] != value}
    return changed | {key: None for key in before if key not in after}


def _under(prefix: str, values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {f"{prefix}.{key}": value for key, value in (values or {}).items()}


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
