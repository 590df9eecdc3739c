"""From contracts to the objects that ZenML should hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stack_bootstrap.contract import StackContract
from stack_bootstrap.registration.errors import RegistrationError, raise_any
from stack_bootstrap.registration.ownership import SECRET_KEY, labels_of
from stack_bootstrap.registration.secret_values import SecretUnavailableError, read_values
from stack_bootstrap.registration.state import ComponentState, ConnectorState, Ref, SecretState, StackState, State
from stack_bootstrap.registration.trackers import refuse_untracked


def secret_name(contract: StackContract, key: str) -> str:
    """Return the ZenML name of ``contract``'s secret ``key``; configurations refer to it as ``{{name.key}}``."""
    return f"{contract.stack.name}-{key}"


def connector_name(contract: StackContract, key: str) -> str:
    """Return the ZenML name of ``contract``'s connector ``key``."""
    return f"{contract.stack.name}-{key}"


def desired_state(contracts: Iterable[StackContract], *, read_secrets: bool) -> list[State]:
    """Return what ZenML should hold, in the order it has to be written: what is referred to comes first.

    Args:
        contracts: One contract per stack.
        read_secrets: Read the secrets' values; without them only the existence of a secret can be compared.

    Raises:
        RegistrationError: a contract is a simulation, two of them claim the same name, a tracker has no adapter, or a
            secret cannot be read.
            All such objects are named.
    """
    contracts = list(contracts)
    raise_any(
        [
            RegistrationError(
                "stack",
                contract.stack.name,
                "its contract is a simulation (Terraform ran against the offline provider), so nothing of it exists "
                "and it cannot be registered; apply with the real provider",
            )
            for contract in contracts
            if contract.simulated
        ]
    )
    refuse_untracked(contracts)
    states: list[State] = [
        *_secrets(contracts, read_secrets),
        *_connectors(contracts),
        *_components(contracts),
        *_stacks(contracts),
    ]
    _refuse_duplicates(states)
    return states


def _secrets(contracts: list[StackContract], read: bool) -> list[SecretState]:
    states, problems = [], []
    for contract in contracts:
        for key, secret in contract.secrets.items():
            name = secret_name(contract, key)
            try:
                values = read_values(secret) if read else None
            except SecretUnavailableError as error:
                problems.append(RegistrationError("secret", name, str(error)))
                continue
            if values is not None and SECRET_KEY in values:
                problems.append(RegistrationError("secret", name, f"the key {SECRET_KEY} is reserved; rename it"))
            states.append(SecretState(name, labels_of(contract), values))
    raise_any(problems)
    return states


def _connectors(contracts: list[StackContract]) -> list[ConnectorState]:
    return [
        ConnectorState(
            name=connector_name(contract, key),
            labels=labels_of(contract),
            type=connector.type,
            auth_method=connector.auth_method,
            resource_type=connector.resource_type,
            resource_id=connector.resource_id,
            configuration=_without_nulls(connector.configuration),
        )
        for contract in contracts
        for key, connector in contract.connectors.items()
    ]


def _components(contracts: list[StackContract]) -> list[ComponentState]:
    return [
        ComponentState(
            name=contract.stack.name,
            labels=labels_of(contract),
            type=kind,
            flavor=component.flavor,
            configuration=_without_nulls(component.configuration),
            connector=connector_name(contract, component.connector) if component.connector else None,
            connector_resource_id=(
                contract.connectors[component.connector].resource_id if component.connector else None
            ),
        )
        for contract in contracts
        for kind, component in contract.components.items()
    ]


def _stacks(contracts: list[StackContract]) -> list[StackState]:
    return [
        StackState(
            name=contract.stack.name,
            labels=labels_of(contract),
            components=dict.fromkeys(contract.components, (contract.stack.name,)),
        )
        for contract in contracts
    ]


def _without_nulls(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Drop nulls: Terraform writes ``null`` for an argument that is not given; to ZenML, ``None`` is a value."""
    return {key: value for key, value in configuration.items() if value is not None}


def _refuse_duplicates(states: list[State]) -> None:
    seen: set[Ref] = set()
    problems = []
    for state in states:
        if state.ref in seen:
            problems.append(RegistrationError(state.ref.title, state.name, "two contracts ask for this name"))
        seen.add(state.ref)
    raise_any(problems)
