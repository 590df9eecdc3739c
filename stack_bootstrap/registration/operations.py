"""``diff``, ``register`` and ``unregister``: contracts are what is desired, ZenML is what is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from environments import DIRECTORY, Environment
from stack_bootstrap.contract import StackContract
from stack_bootstrap.recorders import RegistrationAct, Stack, recorded
from stack_bootstrap.registration.actual import Actual, read_actual
from stack_bootstrap.registration.apply import Observer, Progress, apply_changes
from stack_bootstrap.registration.catalogue import Catalogue
from stack_bootstrap.registration.changes import Change, Changes, compare
from stack_bootstrap.registration.deletion import delete, deletions, in_order
from stack_bootstrap.registration.desired import desired_state
from stack_bootstrap.registration.errors import RegistrationError
from stack_bootstrap.registration.ownership import Scope, scopes_of
from stack_bootstrap.registration.state import SecretState
from stack_bootstrap.registration.zenml_client import open_client, quiet_zenml

if TYPE_CHECKING:
    from zenml.client import Client


def diff(
    contracts: Mapping[str, StackContract],
    *,
    client: Client | None = None,
    team: str | None = None,
    adopt: bool = False,
) -> Changes:
    """Return what :func:`register` would change. Write nothing.

    Args:
        contracts: One contract per stack; the keys do not matter.
        client: The ZenML client, opened when not given.
        team: The one team that ``contracts`` are of; without it they are all there is of their environments, and
            what Groundwork registered beside them is an orphan.
        adopt: As in :func:`register`.

    Raises:
        RegistrationError: an object of the same name is not managed by Groundwork, ZenML refuses a configuration,
            a secret cannot be read, or ZenML cannot be asked.
    """
    client = client or open_client()
    with quiet_zenml():
        changes, _ = _compare(contracts.values(), client, team, adopt=adopt)
    return changes


def register(
    contracts: Mapping[str, StackContract],
    *,
    client: Client | None = None,
    team: str | None = None,
    adopt: bool = False,
    prune: bool = False,
    observer: Observer | None = None,
    settings: Path = DIRECTORY,
) -> Changes:
    """Make ZenML hold exactly what ``contracts`` say.

    What is already so is not written. Everything that can be refused is refused before the first write. A run that
    is cut off, or that ZenML stops with an error, is completed by the next one.

    Args:
        contracts: One contract per stack; the keys do not matter.
        client: The ZenML client, opened when not given.
        team: As in :func:`diff`.
        adopt: Take over objects of the same name that Groundwork did not register, instead of refusing.
        prune: Delete orphans afterwards, instead of leaving them.
        observer: Called after each object that was written or deleted.
        settings: Folder of the settings files, for whoever keeps a record.

    Returns:
        What was done, and the orphans that are left.

    Raises:
        RegistrationError: as for :func:`diff`, or ZenML refused a write.
    """
    client = client or open_client()
    stacks = (
        Stack(contract.environment, contract.cloud, contract.team, contract.stack.name)
        for contract in contracts.values()
        if not contract.simulated
    )
    act = RegistrationAct("register", settings, tuple(stacks), [])
    observer = _noting(act.done, observer)
    with recorded(act), quiet_zenml():
        changes, actual = _compare(contracts.values(), client, team, adopt=adopt)
        apply_changes(client, changes, actual, observer)
        orphans = changes.orphans
        if changes.counts()["replace"] or (prune and orphans):
            # Read again: what was replaced is an orphan now, and what was written may no longer use the others.
            settled, actual = _compare(contracts.values(), client, team, adopt=adopt)
            orphans = settled.orphans
        if prune:
            delete(client, orphans, actual, observer)
            return Changes(changes.changes + in_order(orphans))
    return Changes(changes.changes, orphans)


def register_all(
    contracts: Mapping[str, Mapping[str, StackContract]],
    *,
    client: Client | None = None,
    adopt: bool = False,
    prune: bool = False,
    observer: Observer | None = None,
    settings: Path = DIRECTORY,
) -> Changes:
    """Run :func:`register` for the contracts of several environments at once, by environment and team."""
    return register(merge(contracts), client=client, adopt=adopt, prune=prune, observer=observer, settings=settings)


def merge(contracts: Mapping[str, Mapping[str, StackContract]]) -> dict[str, StackContract]:
    """Merge the contracts of several environments into one mapping.

    Raises:
        RegistrationError: a contract stands under an environment that is not its own.
    """
    merged = {}
    for environment, by_team in contracts.items():
        for team, contract in by_team.items():
            if contract.environment != environment:
                raise RegistrationError(
                    "stack", contract.stack.name, f"belongs to {contract.environment}, not to {environment}"
                )
            merged[f"{environment}/{team}"] = contract
    return merged


def unregister(
    environment: Environment,
    cloud: str,
    *,
    team: str | None = None,
    confirm: str | None = None,
    client: Client | None = None,
    dry_run: bool = False,
    observer: Observer | None = None,
    settings: Path = DIRECTORY,
) -> Changes:
    """Delete the stacks, components, connectors and secrets that Groundwork registered.

    Artifacts stay where they are, but ZenML forgets through which artifact store they are read.

    Args:
        environment: Whose objects to delete.
        cloud: On which cloud.
        team: Only this team's.
        confirm: The environment's name, needed when it is protected.
        client: The ZenML client, opened when not given.
        dry_run: Only say what would go.
        observer: Called after each object that was deleted.
        settings: As in :func:`register`.

    Raises:
        RegistrationError: the environment is protected, something that stays uses one of the objects, a stack is the
            active one, or ZenML refused.
    """
    if not dry_run:
        refuse_protected(environment, confirm)
    client = client or open_client()
    scope = Scope(environment.environment, cloud, team)
    with quiet_zenml():
        actual = read_actual(client, environments={scope.environment}, secret_values=False)
        doomed = deletions(actual, {scope})
    if not dry_run:
        act = RegistrationAct("unregister", settings, _stacks_of(doomed), [])
        with recorded(act), quiet_zenml():
            delete(client, doomed, actual, _noting(act.done, observer))
    return Changes(doomed)


def refuse_protected(environment: Environment, confirm: str | None) -> None:
    """Stop unless ``environment`` may be deleted from.

    Raises:
        RegistrationError: it is protected and ``confirm`` is not its name.
    """
    if environment.protected and confirm != environment.environment:
        raise RegistrationError(
            "environment",
            environment.environment,
            f"is protected; deleting what is registered for it needs --confirm {environment.environment}",
        )


def _noting(done: list[Change], observer: Observer | None) -> Observer:
    """Put each change that was made into ``done`` before ``observer`` is told of it."""

    def note(progress: Progress) -> None:
        done.append(progress.change)
        if observer is not None:
            observer(progress)

    return note


def _stacks_of(doomed: Iterable[Change]) -> tuple[Stack, ...]:
    """Return the stacks that objects were registered for, by their labels."""
    labels = [(change.found.state.labels or {}) for change in doomed if change.found is not None]
    stacks = (Stack(label["environment"], label["cloud"], label["team"], label["zenml_stack"]) for label in labels)
    return tuple(dict.fromkeys(stacks))


def _compare(
    contracts: Iterable[StackContract], client: Client, team: str | None, *, adopt: bool
) -> tuple[Changes, Actual]:
    contracts = list(contracts)
    desired = desired_state(contracts, read_secrets=True)
    secrets = {state.name: state.values or {} for state in desired if isinstance(state, SecretState)}
    actual = read_actual(client, environments={contract.environment for contract in contracts}, secrets=set(secrets))
    return compare(desired, actual, Catalogue(client, secrets), scopes_of(contracts, team), adopt=adopt), actual
