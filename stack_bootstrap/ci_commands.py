"""The commands that workflows use between the others: touched, identity, review."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from environments import DIRECTORY, load_platform
from stack_bootstrap.ci_identity import CI_ROLES, ci_identity
from stack_bootstrap.options import AsJson, CloudName, EnvironmentName, SettingsDirectory
from stack_bootstrap.reviewed import summarise
from stack_bootstrap.touched import changed_files
from stack_bootstrap.touched import touched as concerned

app = typer.Typer()


@app.command()
def touched(
    base: Annotated[str, typer.Option("--base", envvar="BASE", help="Commit or branch that HEAD is compared with.")],
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Say which environments and models the changes since BASE concern."""
    found = asdict(concerned(changed_files(base), load_platform(settings)))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        for what, names in found.items():
            typer.echo(f"{what}={json.dumps(names)}")


@app.command()
def identity(
    env: EnvironmentName,
    role: Annotated[str, typer.Option("--role", envvar="ROLE", help="plan or apply.")] = "plan",
    cloud: CloudName = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Say which cloud identity a workflow takes on in an environment."""
    if role not in CI_ROLES:
        raise typer.BadParameter(f"{role!r} is no role; choose plan or apply.", param_hint="--role")
    told = ci_identity(load_platform(settings).environment(env), cloud, role)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        for key, value in told.items():
            typer.echo(f"{key}={value}")


@app.command()
def review(
    plans: Annotated[Path, typer.Option("--plans", envvar="PLANS", help="Folder that plan --json was printed to.")],
    title: Annotated[str, typer.Option("--title", envvar="TITLE", help="Heads the summary and marks it.")] = "Plan",
) -> None:
    """Show printed plans as Markdown, to read in a pull request or an issue."""
    typer.echo(summarise(plans, title), nl=False)
