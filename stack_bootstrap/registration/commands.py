"""The commands around ZenML: diff, register, verify, unregister."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from environments import DIRECTORY, Platform, SettingsError, load_platform, pick_cloud
from stack_bootstrap import registration
from stack_bootstrap.contract import StackContract
from stack_bootstrap.infrastructure import read_stacks
from stack_bootstrap.options import (
    AsJson,
    CloudName,
    DryRun,
    EnvironmentName,
    EnvironmentNames,
    SettingsDirectory,
    expand_environments,
)
from stack_bootstrap.registration import Change, Changes, Check, Progress

app = typer.Typer()

TeamName = Annotated[
    str | None, typer.Option("--team", envvar="TEAM", help="Only this team, or 'platform' (default: all of them).")
]
Adopt = Annotated[
    bool, typer.Option("--adopt", help="Take over objects of the same name that Groundwork did not register.")
]
Confirm = Annotated[
    str | None, typer.Option("--confirm", envvar="CONFIRM", help="The protected environment's name, once more.")
]


@app.command()
def diff(
    env: EnvironmentNames,
    cloud: CloudName = None,
    team: TeamName = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
    adopt: Adopt = False,
) -> None:
    """Exit with 2 when what is registered in ZenML differs from the contracts, 0 when not, 1 when that is unknown."""
    platform = load_platform(settings)
    projects = _missing_projects(platform, team)
    changes = registration.diff(_contracts(platform, env, cloud, team), team=team, adopt=adopt)
    _show(changes, as_json, projects)
    if changes.differs or projects:
        raise typer.Exit(2)


@app.command()
def register(
    env: EnvironmentNames,
    cloud: CloudName = None,
    team: TeamName = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
    adopt: Adopt = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete what Groundwork registered and no contract asks for any more.")
    ] = False,
    confirm: Confirm = None,
    dry_run: DryRun = False,
) -> None:
    """Make ZenML hold the stacks, components, connectors and secrets that the contracts ask for."""
    platform = load_platform(settings)
    if prune and not dry_run:
        for name in expand_environments(env, platform):
            registration.refuse_protected(platform.environment(name), confirm)
    contracts = _contracts(platform, env, cloud, team)
    projects = _missing_projects(platform, team)
    if dry_run:
        _show(registration.diff(contracts, team=team, adopt=adopt), as_json, projects)
        return
    registration.make_projects(projects)
    observer = None if as_json else _show_progress
    if not as_json:
        _show_projects(projects)
    done = registration.register(contracts, team=team, adopt=adopt, prune=prune, observer=observer, settings=settings)
    if as_json:
        _print_json({**done.as_json(), "projects": projects})
    else:
        _show_orphans(done.orphans)
        typer.echo(_summary(done, done=True))
    _show_missing_members(platform, env, team)


@app.command()
def verify(
    env: EnvironmentNames,
    cloud: CloudName = None,
    team: TeamName = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Check that every stack is registered as its contract says and can be used from here."""
    platform = load_platform(settings)
    checks = registration.verify(_contracts(platform, env, cloud, team))
    failed = [check for check in checks if check.problem is not None]
    if as_json:
        _print_json([_described(check) for check in checks])
    else:
        for check in failed:
            typer.echo(f"{check.ref.title} {check.ref.name}: {check.problem}", err=True)
        typer.echo(
            f"{len(checks)} checks, {len(failed)} failed." if checks else "Nothing to check: no stack is asked for."
        )
    _show_missing_members(platform, env, team)
    if failed:
        raise typer.Exit(1)


@app.command()
def unregister(
    env: EnvironmentName,
    cloud: CloudName = None,
    team: TeamName = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
    confirm: Confirm = None,
    dry_run: DryRun = False,
) -> None:
    """Delete from ZenML what Groundwork registered for an environment, or for one team of it."""
    environment = load_platform(settings).environment(env)
    gone = registration.unregister(
        environment,
        pick_cloud(environment, cloud),
        team=team,
        confirm=confirm,
        dry_run=dry_run,
        observer=None if as_json or dry_run else _show_progress,
        settings=settings,
    )
    if dry_run or as_json:
        _show(gone, as_json)
    else:
        typer.echo(_summary(gone, done=True))


def _contracts(
    platform: Platform, names: Sequence[str], cloud: str | None, team: str | None
) -> dict[str, StackContract]:
    """Return the contracts that the named environments were last applied with, narrowed to ``team``."""
    contracts = {name: read_stacks(platform, name, cloud) for name in expand_environments(names, platform)}
    if team is not None:
        for name, of_teams in contracts.items():
            if team not in of_teams:
                raise SettingsError(f"{name} has no stack for the team {team!r}; it has: {', '.join(of_teams)}.")
        contracts = {name: {team: of_teams[team]} for name, of_teams in contracts.items()}
    return registration.merge(contracts)


def _missing_projects(platform: Platform, team: str | None) -> tuple[str, ...]:
    return registration.missing_projects(platform, None if team is None else [team])


def _show_missing_members(platform: Platform, names: Sequence[str], team: str | None) -> None:
    """Print missing members on standard error: it is no fault of the stacks, and no part of their JSON."""
    missing = registration.missing_members(platform, expand_environments(names, platform), team=team)
    if missing:
        typer.echo("In a team's file, but no user of the ZenML server; make members makes accounts:", err=True)
        for member in missing:
            typer.echo(f"  {member}", err=True)


def _show(changes: Changes, as_json: bool, projects: Sequence[str] = ()) -> None:
    if as_json:
        shown = changes.as_json()
        _print_json({**shown, "differs": shown["differs"] or bool(projects), "projects": projects})
        return
    _show_projects(projects)
    for change in changes:
        _show_change(change)
    _show_orphans(changes.orphans)
    typer.echo(_summary(changes, done=False))


def _show_projects(names: Sequence[str]) -> None:
    """Print projects that are made before everything else."""
    for name in names:
        typer.echo(f"{'create':9} project {name}")


def _show_progress(progress: Progress) -> None:
    _show_change(progress.change)


def _show_change(change: Change) -> None:
    typer.echo(f"{change.action:9} {change.ref.title} {change.ref.name}")
    for difference in change.differences:
        before = "(none)" if difference.before is None else difference.before
        after = "(none)" if difference.after is None else difference.after
        typer.echo(f"{'':9}   {difference.path}: {before} -> {after}")


def _show_orphans(orphans: Sequence[Change]) -> None:
    for orphan in orphans:
        typer.echo(f"{'orphan':9} {orphan.ref.title} {orphan.ref.name}")
    if orphans:
        typer.echo("Groundwork registered the orphans and no contract asks for them; register --prune deletes them.")


def _summary(changes: Changes, *, done: bool) -> str:
    counts = changes.counts()
    if not counts.total() and not changes.orphans:
        return "Nothing to compare: no stack is asked for, and none is registered."
    parts = [
        f"{counts[action]} {action + 'd' if done else f'to {action}'}"
        for action in ("create", "update", "replace", "delete")
        if counts[action]
    ]
    if changes.orphans:
        parts.append(f"{len(changes.orphans)} orphaned")
    return ", ".join([*parts, f"{counts['unchanged']} unchanged"]) + "."


def _described(check: Check) -> dict[str, str | None]:
    return {
        "kind": check.ref.kind,
        "type": check.ref.type or None,
        "name": check.ref.name,
        "check": check.what,
        "problem": check.problem,
    }


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2))
