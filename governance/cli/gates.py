"""``gates-prove``: show that every gate stops what it must."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from environments import DIRECTORY, load_platform
from governance.cli.options import AsJson, Settings

Environments = Annotated[str, typer.Option("--env", envvar="ENV", help="Environment whose limits count, or 'all'.")]


def gates_prove(env: Environments = "all", settings: Settings = DIRECTORY, as_json: AsJson = False) -> None:
    """Give every gate what it must stop, and what it must pass, under each environment's limits; exit 1 if one errs."""
    platform = load_platform(settings)
    names = list(platform.environments) if env == "all" else [env]
    chosen = [platform.environment(name) for name in names]
    from governance.gates.prove import prove

    outcomes = prove(chosen)
    wrong = [outcome for outcome in outcomes if not outcome.proven]
    if as_json:
        rows = [{**asdict(outcome), "proven": outcome.proven} for outcome in outcomes]
        typer.echo(json.dumps({"proven": not wrong if rows else None, "controls": rows}, indent=2))
    else:
        from governance.cli.gate_matrix import print_matrix

        print_matrix(outcomes, names)
    if wrong:
        raise typer.Exit(1)
