"""Writing changes to ZenML.

Every object is complete after each single write, or the next comparison sees what it still lacks: labels are set by
the call that creates an object, and whatever a kill leaves undone is found as a difference by the next run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from stack_bootstrap.registration.actual import Actual, Found
from stack_bootstrap.registration.changes import Change, Changes
from stack_bootstrap.registration.errors import naming
from stack_bootstrap.registration.ownership import SECRET_KEY, to_secret_value
from stack_bootstrap.registration.state import (
    ComponentState,
    ConnectorState,
    Ref,
    SecretState,
    StackState,
    overlay,
)

if TYPE_CHECKING:
    from zenml.client import Client


@dataclass(frozen=True)
class Progress:
    """One object was written; ``done`` of ``total`` are."""

    change: Change
    done: int
    total: int


Observer = Callable[[Progress], None]
"""Called after each object that was written or deleted."""


def apply_changes(client: Client, changes: Changes, actual: Actual, observer: Observer | None = None) -> None:
    """Make ZenML hold what ``changes`` say, in their order.

    Raises:
        RegistrationError: ZenML refused a write; what was written before stays, and the next run goes on from there.
    """
    writer = _Writer(client, actual)
    pending = list(changes)
    for done, change in enumerate(pending, start=1):
        with naming(change.ref.title, change.ref.name, hide=_confidential(change)):
            writer.write(change)
        if observer is not None:
            observer(Progress(change, done, len(pending)))


def _confidential(change: Change) -> list[str]:
    state = change.desired
    return list((state.values or {}).values()) if isinstance(state, SecretState) else []


class _Writer:
    def __init__(self, client: Client, actual: Actual) -> None:
        self._client = client
        self._ids: dict[Ref, UUID] = {ref: found.id for ref, found in actual.objects.items()}

    def write(self, change: Change) -> None:
        found = change.found
        if change.action == "replace":
            assert found is not None
            self._set_aside(change.ref, found)
            found = None
        match change.desired:
            case SecretState() as secret:
                self._secret(secret, found)
            case ConnectorState() as connector:
                self._connector(connector, found)
            case ComponentState() as component:
                self._component(component, found)
            case StackState() as stack:
                self._stack(stack, found)

    def _set_aside(self, ref: Ref, found: Found) -> None:
        """Give the old object another name. Its labels stay, so it is an orphan from here on."""
        from zenml.enums import StackComponentType

        name = f"{ref.name}-superseded-{found.id.hex[:8]}"
        if ref.kind == "connector":
            self._client.update_service_connector(found.id, name=name, verify=False)
        else:
            self._client.update_stack_component(found.id, StackComponentType(ref.type), name=name)

    def _secret(self, secret: SecretState, found: Found | None) -> None:
        values = {**(secret.values or {}), SECRET_KEY: to_secret_value(secret.labels or {})}
        if found is None:
            self._client.create_secret(secret.name, values)
            return
        assert isinstance(found.state, SecretState)
        held = set(found.state.values or {})
        self._client.update_secret(found.id, add_or_update_values=values, remove_values=sorted(held - set(values)))

    def _connector(self, connector: ConnectorState, found: Found | None) -> None:
        # Whether the credentials work is for ``verify`` to say: registering needs no reach into the cloud.
        if found is not None:
            self._client.update_service_connector(
                found.id,
                configuration=dict(connector.configuration),
                labels=overlay(found.state.labels, connector.labels or {}),
                verify=False,
            )
            return
        created, _ = self._client.create_service_connector(
            connector.name,
            connector.type,
            resource_type=connector.resource_type,
            auth_method=connector.auth_method,
            configuration=dict(connector.configuration),
            resource_id=connector.resource_id,
            labels=dict(connector.labels or {}),
            verify=False,
        )
        self._ids[connector.ref] = created.id  # type: ignore[union-attr]  # a response, as it was registered

    def _component(self, component: ComponentState, found: Found | None) -> None:
        from zenml.enums import StackComponentType

        kind = StackComponentType(component.type)
        link = self._ids[Ref("connector", component.connector)] if component.connector else None
        if found is None:
            created = self._client.create_stack_component(
                component.name,
                component.flavor,
                kind,
                dict(component.configuration),
                labels=dict(component.labels or {}),
            )
            self._ids[component.ref] = created.id
            if link is not None:
                self._client.update_stack_component(
                    created.id, kind, connector_id=link, connector_resource_id=component.connector_resource_id
                )
            return
        before = found.state
        assert isinstance(before, ComponentState)
        self._client.update_stack_component(
            found.id,
            kind,
            configuration=overlay(before.configuration, component.configuration) or None,
            labels=overlay(before.labels, component.labels or {}),
            disconnect=link is None,
            connector_id=link,
            connector_resource_id=component.connector_resource_id,
            environment=overlay(before.environment, {}),
            remove_secrets=sorted(before.secrets),
        )

    def _stack(self, stack: StackState, found: Found | None) -> None:
        from zenml.enums import StackComponentType

        components = {
            StackComponentType(kind): [self._ids[Ref("component", name, kind)] for name in names]
            for kind, names in stack.components.items()
        }
        if found is None:
            self._client.create_stack(stack.name, components, labels=dict(stack.labels or {}))
            return
        before = found.state
        assert isinstance(before, StackState)
        surplus: dict[StackComponentType, list[UUID]] = {
            StackComponentType(kind): [] for kind in before.components if kind not in stack.components
        }
        self._client.update_stack(
            found.id,
            labels=overlay(before.labels, stack.labels or {}),
            component_updates={**components, **surplus},
            environment=overlay(before.environment, {}),
            remove_secrets=sorted(before.secrets),
        )
