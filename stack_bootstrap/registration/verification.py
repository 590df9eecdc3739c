"""``verify``: not only that stacks are registered, but that they work from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from stack_bootstrap.contract import StackContract
from stack_bootstrap.registration.actual import Actual, read_actual
from stack_bootstrap.registration.catalogue import Catalogue
from stack_bootstrap.registration.changes import change_of
from stack_bootstrap.registration.desired import desired_state
from stack_bootstrap.registration.errors import RegistrationError, naming
from stack_bootstrap.registration.state import ComponentState, Ref, StackState, State
from stack_bootstrap.registration.zenml_client import open_client, quiet_zenml

if TYPE_CHECKING:
    from zenml.client import Client


@dataclass(frozen=True)
class Check:
    """One thing that was verified of one object. ``problem`` is ``None`` when it holds."""

    ref: Ref
    what: str
    problem: str | None


def verify(
    contracts: Mapping[str, StackContract],
    *,
    client: Client | None = None,
    observer: Callable[[Check], None] | None = None,
) -> tuple[Check, ...]:
    """Check that every stack of ``contracts`` is registered as they say and can be used from this machine.

    That is: each object is as its contract says (of secrets, that they are there), connectors gain access to what
    they name, ZenML calls the stack valid, and its artifact store exists.

    Args:
        contracts: One contract per stack; the keys do not matter.
        client: The ZenML client, opened when not given.
        observer: Called after each check.

    Raises:
        RegistrationError: the contracts cannot be registered at all, or ZenML cannot be asked.
    """
    client = client or open_client()
    checks = []
    with quiet_zenml():
        desired = desired_state(contracts.values(), read_secrets=False)
        actual = read_actual(
            client,
            environments={contract.environment for contract in contracts.values()},
            secrets={state.name for state in desired if state.ref.kind == "secret"},
            secret_values=False,
        )
        catalogue = Catalogue(client)
        for ref, what, run in _planned(desired, actual, catalogue, client):
            try:
                with naming(ref.title, ref.name):
                    run()
            except RegistrationError as error:
                check = Check(ref, what, error.message)
            else:
                check = Check(ref, what, None)
            checks.append(check)
            if observer is not None:
                observer(check)
    return tuple(checks)


_Planned = tuple[Ref, str, Callable[[], None]]


def _planned(desired: list[State], actual: Actual, catalogue: Catalogue, client: Client) -> Iterable[_Planned]:
    for state in desired:
        yield state.ref, "is as its contract says", partial(_matches, state, actual, catalogue)
    for state in desired:
        if state.ref not in actual.objects:
            continue
        if state.ref.kind == "connector":
            yield state.ref, "gains access", partial(_gains_access, state.ref, actual, client)
        # The store before the stack: making a live local store creates its folder.
        if state.ref.type == "artifact_store":
            yield state.ref, "can be reached", partial(_can_be_reached, state.ref, actual)
        if isinstance(state, StackState):
            yield state.ref, "is valid", partial(_is_valid, state.ref, actual)


def _matches(state: State, actual: Actual, catalogue: Catalogue) -> None:
    change = change_of(state, actual.objects.get(state.ref), catalogue)
    if change.action == "create":
        raise RegistrationError(state.ref.title, state.name, "is not registered; run register")
    if change.action != "unchanged":
        fields = ", ".join(difference.path for difference in change.differences)
        raise RegistrationError(state.ref.title, state.name, f"differs in {fields}; see diff, and run register")


def _gains_access(ref: Ref, actual: Actual, client: Client) -> None:
    client.verify_service_connector(actual.objects[ref].id, list_resources=True)


def _can_be_reached(ref: Ref, actual: Actual) -> None:
    from zenml.artifact_stores import BaseArtifactStore
    from zenml.stack import StackComponent

    state = actual.objects[ref].state
    assert isinstance(state, ComponentState)
    path = str(state.configuration.get("path", ""))
    if state.flavor == "local":
        reached = bool(path) and Path(path).is_dir()
    else:
        store = StackComponent.from_model(actual.component_models[ref])
        assert isinstance(store, BaseArtifactStore)
        reached = bool(store.exists(path))
    if not reached:
        raise RegistrationError(ref.title, ref.name, f"{path or 'its path'} does not exist; run apply")


def _is_valid(ref: Ref, actual: Actual) -> None:
    from zenml.enums import StackComponentType
    from zenml.stack import Stack, StackComponent

    found = actual.objects[ref]
    assert isinstance(found.state, StackState)
    # Not Stack.from_model: it caches by the stack's own time stamp and would miss a component that changed since.
    live = {
        StackComponentType(kind): [
            StackComponent.from_model(actual.component_models[Ref("component", name, kind)]) for name in names
        ]
        for kind, names in found.state.components.items()
    }
    Stack.from_components_v2(found.id, ref.name, live).validate(fail_if_secrets_missing=True)
