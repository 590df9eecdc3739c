"""What differs between the objects that should be and those that are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from stack_bootstrap.registration.actual import Actual, Found
from stack_bootstrap.registration.catalogue import Catalogue
from stack_bootstrap.registration.errors import RegistrationError, raise_any
from stack_bootstrap.registration.ownership import Scope, is_managed
from stack_bootstrap.registration.state import ComponentState, ConnectorState, Ref, SecretState, StackState, State

Action = Literal["create", "update", "replace", "unchanged", "delete"]
"""``replace``: a field changed that ZenML cannot change. The old object gets another name and stays as an orphan."""

HIDDEN = "(hidden)"


@dataclass(frozen=True)
class Difference:
    """One field that differs, fit to be shown: whatever may be confidential is hidden."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Change:
    """What happens, or would happen, to one object."""

    ref: Ref
    action: Action
    differences: tuple[Difference, ...] = ()
    desired: State | None = None
    found: Found | None = None


@dataclass(frozen=True)
class Changes:
    """Everything that happens, or would happen, in the order in which it does."""

    changes: tuple[Change, ...]
    orphans: tuple[Change, ...] = ()
    """Objects that Groundwork registered and no contract asks for. They go only when that is asked for."""

    def __iter__(self) -> Iterator[Change]:
        """Yield the changes that are not ``unchanged``."""
        return (change for change in self.changes if change.action != "unchanged")

    @property
    def differs(self) -> bool:
        """Whether ZenML and the contracts say different things."""
        return any(self) or bool(self.orphans)

    def counts(self) -> Counter[str]:
        """Return how many objects there are of each action."""
        return Counter(change.action for change in self.changes)

    def as_json(self) -> dict[str, Any]:
        """Return a document for machines. It holds no confidential value."""
        return {
            "differs": self.differs,
            "changes": [
                {
                    "kind": change.ref.kind,
                    "type": change.ref.type or None,
                    "name": change.ref.name,
                    "action": change.action,
                    "differences": [vars(difference) for difference in change.differences],
                }
                for change in self.changes
            ],
            "orphans": [
                {"kind": orphan.ref.kind, "type": orphan.ref.type or None, "name": orphan.ref.name}
                for orphan in self.orphans
            ],
        }


def compare(
    desired: Iterable[State], actual: Actual, catalogue: Catalogue, scopes: Collection[Scope], *, adopt: bool
) -> Changes:
    """Compare what ZenML holds with ``desired``, and return what has to happen.

    Args:
        desired: The objects that should be; what is referred to comes before what refers to it.
        actual: The objects that are.
        catalogue: ZenML's knowledge of flavors and connector types.
        scopes: Where objects that nobody asks for count as orphans.
        adopt: Take over objects of the same name that Groundwork did not register.

    Raises:
        RegistrationError: an object of the same name is not managed by Groundwork, or ZenML refuses a configuration.
            All such objects are named.
    """
    changes: list[Change] = []
    problems: list[RegistrationError] = []
    replaced: set[Ref] = set()
    asked_for = set()
    for state in desired:
        asked_for.add(state.ref)
        try:
            change = change_of(state, actual.objects.get(state.ref), catalogue, replaced, adopt=adopt)
        except RegistrationError as error:
            problems.append(error)
            continue
        if change.action == "replace":
            replaced.add(state.ref)
        changes.append(change)
    raise_any(problems)
    orphans = tuple(
        Change(ref, "delete", found=found)
        for ref, found in actual.objects.items()
        if ref not in asked_for and any(scope.holds(found.state.labels) for scope in scopes)
    )
    return Changes(tuple(changes), orphans)


def change_of(
    state: State,
    found: Found | None,
    catalogue: Catalogue,
    replaced: Collection[Ref] = (),
    *,
    adopt: bool = False,
) -> Change:
    """Return what has to happen to one object.

    Args:
        state: What it should be.
        found: What it is, or ``None`` when there is no such object.
        catalogue: ZenML's knowledge of flavors and connector types.
        replaced: Objects that are being replaced; whoever refers to them has to refer to their successors.
        adopt: Take the object over when Groundwork did not register it.

    Raises:
        RegistrationError: Groundwork does not manage the object, or ZenML refuses the configuration.
    """
    if found is None:
        state = _as_stored(state, catalogue)
        return Change(state.ref, "create", desired=state)
    before = found.state
    if not is_managed(before.labels) and not adopt:
        raise RegistrationError(
            state.ref.title,
            state.name,
            "exists in ZenML and is not managed by Groundwork, so it is left as it is; delete or rename it, "
            "or take it over with --adopt",
        )
    if isinstance(state, SecretState) and state.values is None and isinstance(before, SecretState):
        before = replace(before, values=None)
    if _fields(state, replaced) != before.fields():
        state = _as_stored(state, catalogue)
    after, paths = _fields(state, replaced), before.fields()
    differing = [path for path in {**paths, **after} if paths.get(path) != after.get(path)]
    if not differing:
        return Change(state.ref, "unchanged", desired=state, found=found)
    return Change(
        state.ref,
        "replace" if _must_be_replaced(before, state) else "update",
        _presentable(differing, before, state, paths, after, catalogue),
        state,
        found,
    )


def _as_stored(state: State, catalogue: Catalogue) -> State:
    match state:
        case ComponentState():
            return catalogue.component(state)
        case ConnectorState():
            return catalogue.connector(state)
        case _:
            return state


def _fields(state: State, replaced: Collection[Ref]) -> dict[str, Any]:
    """Return a desired object's fields. What it refers to and is being replaced differs though its name stays."""
    fields = state.fields()
    match state:
        case ComponentState(connector=str(connector)) if Ref("connector", connector) in replaced:
            fields["connector"] = f"{connector} (replaced)"
        case StackState():
            for kind, names in state.components.items():
                if any(Ref("component", name, kind) in replaced for name in names):
                    fields[f"components.{kind}"] = f"{', '.join(names)} (replaced)"
    return fields


def _must_be_replaced(before: State, after: State) -> bool:
    if isinstance(before, ComponentState | ConnectorState) and isinstance(after, ComponentState | ConnectorState):
        return before.fixed() != after.fixed()
    return False


def _presentable(
    paths: list[str],
    before: State,
    after: State,
    old: dict[str, Any],
    new: dict[str, Any],
    catalogue: Catalogue,
) -> tuple[Difference, ...]:
    sensitive: set[str] = set()
    if isinstance(before, ComponentState) and isinstance(after, ComponentState):
        sensitive = catalogue.sensitive_keys(before) | catalogue.sensitive_keys(after)

    def shown(path: str, values: dict[str, Any]) -> str | None:
        if path not in values:
            return None
        section, _, key = path.partition(".")
        confidential = (
            section in ("values", "environment")
            or (section == "configuration" and isinstance(before, ConnectorState))
            or (section == "configuration" and key in sensitive)
        )
        return HIDDEN if confidential else str(values[path])

    return tuple(Difference(path, shown(path, old), shown(path, new)) for path in sorted(paths))
