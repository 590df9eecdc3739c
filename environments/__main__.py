"""``python -m environments``: check the settings files and refresh their schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from environments.load import CHECKOUT, DIRECTORY, SettingsError, load_platform
from environments.schema import write

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)

Directory = Annotated[Path, typer.Option(envvar="GROUNDWORK_ENVIRONMENTS", help="Folder of the settings files.")]


@app.command()
def check(
    directory: Directory = DIRECTORY, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Read every environment and team and report the first thing that is wrong."""
    try:
        platform = load_platform(directory)
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    if as_json:
        found = {
            "environments": {n: e.model_dump(mode="json") for n, e in platform.environments.items()},
            "teams": {n: t.model_dump(mode="json") for n, t in platform.teams.items()},
        }
        typer.echo(json.dumps(found, indent=2))
    else:
        typer.echo(f"{len(platform.environments)} environments: {', '.join(platform.environments)}")
        typer.echo(f"{len(platform.teams)} teams: {', '.join(platform.teams)}")


@app.command()
def schema() -> None:
    """Write the JSON Schemas that editors use, and the defaults that Terraform reads."""
    for file in write():
        typer.echo(f"wrote {file.relative_to(CHECKOUT)}")


if __name__ == "__main__":
    app()
