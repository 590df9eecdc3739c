"""``python -m pipelines``: check the models' configs and refresh their schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipelines.config import CONFIGS, ConfigError, list_models, read_config
from pipelines.schema import SCHEMA_FILE, write_schema

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)


@app.command()
def check(
    directory: Annotated[Path, typer.Option("--configs", help="Folder of the configs.")] = CONFIGS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read every config, and report each that is wrong."""
    configs, wrong = [], False
    for model in list_models(directory):
        try:
            configs.append(read_config(model, directory))
        except ConfigError as error:
            typer.echo(str(error), err=True)
            wrong = True
    if as_json:
        typer.echo(json.dumps({config.model: config.model_dump(mode="json") for config in configs}, indent=2))
    else:
        for config in configs:
            typer.echo(f"{config.model}: {len(config.features.columns)} features from {config.source}")
    if wrong:
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """Write the JSON Schema that editors use."""
    typer.echo(f"{'wrote' if write_schema() else 'unchanged:'} {SCHEMA_FILE.relative_to(CONFIGS.parent.parent)}")


if __name__ == "__main__":
    app()
