"""The commands around Terraform: plan, apply, destroy, drift, output, unlock, terraform, schema."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from environments import CHECKOUT, DIRECTORY, SERVER, load_platform
from stack_bootstrap import infrastructure
from stack_bootstrap.infrastructure import PlanResult
from stack_bootstrap.install_terraform import ensure_terraform
from stack_bootstrap.offline import SIMULATION
from stack_bootstrap.options import (
    AsJson,
    CloudName,
    DryRun,
    EnvironmentName,
    EnvironmentNames,
    SettingsDirectory,
    expand_workspaces,
)
from stack_bootstrap.plans import Changes
from stack_bootstrap.terraform import Terraform
from stack_bootstrap.workspace import Workspace, workspace

if TYPE_CHECKING:
    from stack_bootstrap.contract import StackContract

app = typer.Typer()


@app.command()
def plan(
    env: EnvironmentNames,
    cloud: CloudName = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
    plan_file: Annotated[
        Path | None,
        typer.Option("--plan-file", envvar="PLAN_FILE", help="Where the plan and its review go."),
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 when there is something to apply.")
    ] = False,
) -> None:
    """Show what apply would do."""
    chosen = list(_workspaces(env, cloud, settings))
    if plan_file is not None and len(chosen) > 1:
        raise typer.BadParameter("--plan-file takes one environment: a plan file is one environment's plan.")
    results = []
    for where in chosen:
        result = infrastructure.plan(where, stream=_stream(as_json), plan_file=plan_file and plan_file.resolve())
        results.append(result)
        _report(where, result.changes, result.notes, as_json)
        if where.protected and result.changes.destructive:
            _say(f"{where}: apply will refuse this without --allow-delete.", as_json)
    if as_json:
        _print_json([_planned(result) for result in results])
    if detailed_exitcode and any(result.differs for result in results):
        raise typer.Exit(2)


@app.command()
def apply(
    env: EnvironmentNames,
    cloud: CloudName = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
    plan_file: Annotated[
        Path | None,
        typer.Option("--plan-file", envvar="PLAN_FILE", help="Apply this reviewed plan, or nothing."),
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect",
            envvar="EXPECT",
            help="Digest of the reviewed plan, or the file that plan --json was printed to: apply that, or nothing.",
        ),
    ] = None,
    allow_delete: Annotated[
        bool,
        typer.Option("--allow-delete", envvar="ALLOW_DELETE", help="Let a protected environment lose things."),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", envvar="YES", help="On a terminal, do not ask before changing what is protected.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Make infrastructure what the code and the settings say."""
    if dry_run:
        if plan_file is not None:
            raise typer.BadParameter("--dry-run plans, and --plan-file is planned already: give one of them.")
        plan(env, cloud, settings, as_json)
        return
    chosen = list(_workspaces(env, cloud, settings))
    if plan_file is not None and len(chosen) > 1:
        raise typer.BadParameter("--plan-file takes one environment: a plan file is one environment's plan.")
    from stack_bootstrap.reviewed import expected_digest

    expected = {where.environment: expected_digest(expect, where) for where in chosen} if expect else {}
    reviewed = plan_file is not None or expect is not None
    asks = sys.stdin.isatty() and not (yes or reviewed)
    described = []
    for where in chosen:
        result = infrastructure.apply(
            where,
            plan_file=plan_file,
            expect=expected.get(where.environment),
            allow_delete=allow_delete,
            approve=_approved if asks else None,
            # Folders are made in a moment, so that there is no progress to see, only all that Terraform puts out.
            stream=None if asks and where.protected and where.ground else _stream(as_json),
        )
        _report(where, result.changes, result.notes, as_json)
        stacks = {team: contract.stack.name for team, contract in result.stacks.items()}
        described.append({**_described(where, result.changes, result.notes), "stacks": stacks})
    if as_json:
        _print_json(described)


@app.command()
def destroy(
    env: EnvironmentName,
    cloud: CloudName = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
    confirm: Annotated[
        str | None,
        typer.Option("--confirm", envvar="CONFIRM", help="The environment's name, once more."),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Remove everything that Terraform owns in one environment, with what it holds."""
    where = workspace(load_platform(settings), env, cloud)
    result = infrastructure.destroy(where, confirm=confirm, dry_run=dry_run, stream=_stream(as_json))
    _report(where, result.changes, result.notes, as_json)
    if as_json:
        _print_json(_described(where, result.changes, result.notes))


@app.command()
def drift(
    env: EnvironmentNames,
    cloud: CloudName = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Exit with 2 when infrastructure differs from the code and the settings, 0 when not, 1 when that is unknown."""
    results = []
    for where in _workspaces(env, cloud, settings):
        result = infrastructure.drift(where, stream=_stream(as_json))
        results.append(result)
        _report(where, result.changes, (*result.notes, f"{result.compared} resources compared"), as_json)
    if as_json:
        _print_json([{**_planned(result), "compared": result.compared} for result in results])
    if any(result.differs for result in results):
        raise typer.Exit(2)


@app.command()
def output(
    env: EnvironmentName,
    cloud: CloudName = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Show the stack contracts that one environment was last applied with; of the server, where it is."""
    from stack_bootstrap.contract import without_secrets

    if env == SERVER:
        served = infrastructure.read_server(load_platform(settings), cloud)
        if as_json:
            _print_json(served)
        else:
            typer.echo("\n".join(_lines_of(served)))
        return
    stacks = infrastructure.read_stacks(load_platform(settings), env, cloud)
    if as_json:
        _print_json({team: without_secrets(contract).model_dump(mode="json") for team, contract in stacks.items()})
    else:
        for contract in map(without_secrets, stacks.values()):
            typer.echo("\n".join(_lines(contract)))


@app.command()
def validate(env: EnvironmentNames, cloud: CloudName = None, settings: SettingsDirectory = DIRECTORY) -> None:
    """Check that the Terraform code of a cloud is valid. Needs no account and touches no state."""
    for where in _workspaces(env, cloud, settings):
        infrastructure.validate(where)
        typer.echo(f"{where}: the code is valid.")


@app.command()
def unlock(
    env: EnvironmentName,
    lock_id: Annotated[
        str, typer.Option("--lock-id", envvar="LOCK_ID", help="The lock's ID, which the refused command showed.")
    ],
    cloud: CloudName = None,
    settings: SettingsDirectory = DIRECTORY,
) -> None:
    """Free a lock that a run which is gone left on one environment's state."""
    where = workspace(load_platform(settings), env, cloud)
    infrastructure.unlock(where, lock_id)
    typer.echo(f"{where}: the lock {lock_id} is free.")


@app.command(context_settings={"ignore_unknown_options": True})
def terraform(
    arguments: Annotated[list[str] | None, typer.Argument(help="What Terraform is to do, after --.")] = None,
    env: Annotated[str | None, typer.Option("--env", help="Work in this environment's root and state.")] = None,
    cloud: CloudName = None,
    settings: SettingsDirectory = DIRECTORY,
) -> None:
    """Run any Terraform command: here, or with --env in one environment's root and state.

    Without arguments, only see to it that there is a Terraform: the pinned release is downloaded when there is none.
    """
    installation = ensure_terraform()
    if not arguments:
        typer.echo(str(installation))
        return
    if env is None:
        status = subprocess.run([installation.path, *arguments], check=False).returncode
    else:
        where = workspace(load_platform(settings), env, cloud)
        status = Terraform(where, installation=installation).run_by_hand(arguments)
    raise typer.Exit(status)


@app.command()
def schema() -> None:
    """Write the JSON Schema of the stack contract."""
    from stack_bootstrap import contract_schema

    if contract_schema.write():
        typer.echo(f"wrote {contract_schema.FILE.relative_to(CHECKOUT)}")


def _workspaces(names: Sequence[str], cloud: str | None, settings: Path) -> Iterator[Workspace]:
    """Return a workspace for each named environment, in the order in which models pass through them."""
    platform = load_platform(settings)
    for name in expand_workspaces(names, platform):
        yield workspace(platform, name, cloud)


def _stream(as_json: bool) -> IO[str]:
    return sys.stderr if as_json else sys.stdout


def _say(line: str, as_json: bool) -> None:
    typer.echo(line, err=as_json)


def _approved(planned: PlanResult) -> bool:
    """Return whether the person at the terminal says yes to ``planned``; anything but y is no."""
    typer.echo(f"{planned.workspace}: {planned.changes.summary()}", err=True)
    return typer.confirm(f"{planned.workspace.environment} is protected. Apply this?", err=True)


def _report(where: Workspace, changes: Changes, notes: Sequence[str], as_json: bool) -> None:
    for note in notes:
        _say(f"{where}: {note}", as_json)
    _say(f"{where}: {changes}.", as_json)


def _described(where: Workspace, changes: Changes, notes: Sequence[str]) -> dict[str, Any]:
    told = {"environment": where.environment, "cloud": where.cloud, "simulated": where.simulated}
    return {**told, **asdict(changes), "notes": list(notes)}


def _planned(result: PlanResult) -> dict[str, Any]:
    told = {**_described(result.workspace, result.changes, result.notes), "digest": result.digest}
    if result.workspace.cluster is None:
        return told
    return {**told, "cluster": [{**asdict(it), "object": str(it.ref)} for it in result.inside.changes]}


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2))


def _lines(contract: StackContract) -> Iterator[str]:
    mark = f" ({SIMULATION})" if contract.simulated else ""
    yield f"{contract.stack.name}{mark}"
    for kind, component in contract.components.items():
        settings = ", ".join(f"{key}={value}" for key, value in component.configuration.items())
        yield f"  {kind}: {component.flavor}{f' ({settings})' if settings else ''}{mark}"
    yield f"  cost: {contract.cost.budget:g} {contract.cost.currency} a month{mark}"


def _lines_of(served: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    for key, value in served.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _lines_of(value, f"{indent}  ")
        else:
            yield f"{indent}{key}: {value}"
