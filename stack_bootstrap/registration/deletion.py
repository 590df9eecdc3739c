"""Deleting objects that Groundwork registered. Nothing else in this package deletes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from stack_bootstrap.registration.actual import Actual
from stack_bootstrap.registration.apply import Observer, Progress
from stack_bootstrap.registration.changes import Change
from stack_bootstrap.registration.errors import RegistrationError, naming, raise_any
from stack_bootstrap.registration.ownership import Scope
from stack_bootstrap.registration.state import ComponentState, Kind, Ref, StackState

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.client import Client

ORDER: tuple[Kind, ...] = ("stack", "component", "connector", "secret")
"""What refers to something goes before what it refers to."""


def deletions(actual: Actual, scopes: Collection[Scope]) -> tuple[Change, ...]:
    """Return everything that Groundwork registered within ``scopes``, as deletions."""
    return in_order(
        Change(ref, "delete", found=found)
        for ref, found in actual.objects.items()
        if any(scope.holds(found.state.labels) for scope in scopes)
    )


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Order ``changes`` so that nothing is deleted while something deleted later still refers to it."""
    return tuple(sorted(changes, key=lambda change: (ORDER.index(change.ref.kind), change.ref.name, change.ref.type)))


def delete(client: Client, changes: Iterable[Change], actual: Actual, observer: Observer | None = None) -> None:
    """Delete the objects of ``changes``.

    Before the first one goes it is checked that what stays needs none of them.

    Raises:
        RegistrationError: something that stays uses one of the objects, a stack is the active one, or ZenML refused.
    """
    from zenml.enums import StackComponentType

    pending = in_order(changes)
    if not pending:
        return
    _refuse_what_is_needed(client, {change.ref for change in pending}, actual)
    for done, change in enumerate(pending, start=1):
        assert change.found is not None
        identifier = change.found.id
        with naming(change.ref.title, change.ref.name):
            match change.ref.kind:
                case "stack":
                    client.delete_stack(identifier)
                case "component":
                    client.delete_stack_component(identifier, StackComponentType(change.ref.type))
                case "connector":
                    client.delete_service_connector(identifier)
                case "secret":
                    client.delete_secret(str(identifier))
        if observer is not None:
            observer(Progress(change, done, len(pending)))


def _refuse_what_is_needed(client: Client, doomed: set[Ref], actual: Actual) -> None:
    with naming("store", "of ZenML"):
        active = client.active_stack_model.name
    problems = []
    if Ref("stack", active) in doomed:
        problems.append(
            RegistrationError(
                "stack", active, "is the active stack; activate another one first: zenml stack set default"
            )
        )
    for ref, found in actual.objects.items():
        if ref in doomed:
            if ref.kind == "stack":
                problems += _schedules_of(client, ref, found.id)
            continue
        match found.state:
            case StackState(components=components):
                needed = [Ref("component", name, kind) for kind, names in components.items() for name in names]
            case ComponentState(connector=str(connector)):
                needed = [Ref("connector", connector)]
            case _:
                needed = []
        problems += [
            RegistrationError(
                used.title, used.name, f"is used by the {ref.title} {ref.name}, which is not being deleted"
            )
            for used in needed
            if used in doomed
        ]
    raise_any(problems)


def _schedules_of(client: Client, stack: Ref, identifier: UUID) -> list[RegistrationError]:
    """Refuse a stack whose orchestrator keeps schedules: ZenML could not remove them later, and they would go on."""
    from zenml.enums import StackComponentType

    with naming(stack.title, stack.name):
        used = client.get_stack(identifier).components[StackComponentType.ORCHESTRATOR]
        kept = [
            schedule.name
            for orchestrator in used
            for schedule in client.list_schedules(orchestrator_id=orchestrator.id, size=100).items
        ]
    if not kept:
        return []
    told = f"keeps schedules, which would go on without it: {', '.join(sorted(kept))}"
    return [
        RegistrationError(
            stack.title,
            stack.name,
            f"{told}; `make schedule MODEL=... DELETE=1` first, and `make collect` once the runs that they began ended",
        )
    ]
