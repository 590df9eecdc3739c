"""What ZenML holds, read in a handful of list calls however many stacks there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from stack_bootstrap.registration.errors import RegistrationError, naming
from stack_bootstrap.registration.ownership import SECRET_KEY, from_secret_value
from stack_bootstrap.registration.state import (
    ComponentState,
    ConnectorState,
    Ref,
    SecretState,
    StackState,
    State,
)

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import ComponentResponse, SecretResponse, ServiceConnectorResponse, StackResponse

PAGE_SIZE = 500
"""Objects a list call returns at most. One page of 500 stacks is about half a megabyte."""


@dataclass(frozen=True)
class Found:
    """One object of ZenML."""

    id: UUID
    state: State


@dataclass(frozen=True)
class Actual:
    """All stacks, components and connectors of a ZenML store, and the secrets that matter here."""

    objects: Mapping[Ref, Found]
    component_models: Mapping[Ref, ComponentResponse]
    """Components as ZenML returned them, for whoever needs to make live ones."""


def read_actual(
    client: Client, *, environments: Collection[str], secrets: Collection[str] = (), secret_values: bool = True
) -> Actual:
    """Read what ZenML holds.

    Listing a secret does not say who made it; reading it does, at one call each. So only those are read that are
    called like one of ``secrets`` or carry the name of one of ``environments`` in theirs, as every name of
    Groundwork's does. Private secrets belong to a person and are left alone.

    Args:
        client: The ZenML client.
        environments: Environments whose objects are of interest.
        secrets: Names in ZenML of the secrets that are desired.
        secret_values: Whether values are to be compared; then being unable to read one is an error.

    Raises:
        RegistrationError: ZenML refused a call, or hides the value of a desired secret from this user.
    """
    from zenml.constants import PAGE_SIZE_MAXIMUM
    from zenml.utils.pagination_utils import depaginate_stream

    size = min(PAGE_SIZE, PAGE_SIZE_MAXIMUM)
    objects: dict[Ref, Found] = {}
    component_models: dict[Ref, ComponentResponse] = {}

    with naming("store", "of ZenML"):
        for listed in depaginate_stream(client.list_secrets, size=size, private=False):
            if listed.name in secrets or any(environment in listed.name for environment in environments):
                with naming("secret", listed.name):
                    held = client.zen_store.get_secret(listed.id)
                _readable(held, needed=secret_values and listed.name in secrets)
                _add(objects, held.id, _secret(held))
        for connector in depaginate_stream(
            client.list_service_connectors, size=size, hydrate=True, expand_secrets=True
        ):
            _add(objects, connector.id, _connector(connector))
        for component in depaginate_stream(client.list_stack_components, size=size, hydrate=True):
            state = _component(component)
            _add(objects, component.id, state)
            component_models[state.ref] = component
        for stack in depaginate_stream(client.list_stacks, size=size, hydrate=True):
            _add(objects, stack.id, _stack(stack))
    return Actual(objects, component_models)


def _add(objects: dict[Ref, Found], identifier: UUID, state: State) -> None:
    objects[state.ref] = Found(identifier, state)


def _readable(secret: SecretResponse, *, needed: bool) -> None:
    if needed and secret.has_missing_values:
        raise RegistrationError(
            "secret", secret.name, "ZenML hides its values from this user, so it cannot be compared; grant reading them"
        )


def _secret(secret: SecretResponse) -> SecretState:
    values = dict(secret.secret_values)
    ours = values.pop(SECRET_KEY, None)
    return SecretState(secret.name, from_secret_value(ours) if ours is not None else None, values)


def _connector(connector: ServiceConnectorResponse) -> ConnectorState:
    return ConnectorState(
        name=connector.name,
        labels=dict(connector.labels),
        type=connector.type,
        auth_method=connector.auth_method,
        resource_type=", ".join(connector.resource_types),
        resource_id=connector.resource_id,
        configuration=connector.configuration.plain,
    )


def _component(component: ComponentResponse) -> ComponentState:
    return ComponentState(
        name=component.name,
        labels=dict(component.labels or {}),
        type=component.type.value,
        flavor=component.flavor_name,
        configuration=dict(component.configuration),
        connector=component.connector.name if component.connector else None,
        connector_resource_id=component.connector_resource_id,
        environment=dict(component.environment),
        secrets=frozenset(map(str, component.secrets)),
    )


def _stack(stack: StackResponse) -> StackState:
    return StackState(
        name=stack.name,
        labels=dict(stack.labels or {}),
        components={kind.value: tuple(c.name for c in found) for kind, found in stack.components.items()},
        environment=dict(stack.environment),
        secrets=frozenset(map(str, stack.secrets)),
    )
