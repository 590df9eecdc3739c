"""Command-line options that several commands share, spelt once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Settings = Annotated[
    Path,
    typer.Option(
        "--settings", envvar="GROUNDWORK_ENVIRONMENTS", help="Folder of the settings files.", resolve_path=True
    ),
]
Env = Annotated[str, typer.Option("--env", envvar="ENV", help="Environment.")]
Cloud = Annotated[str | None, typer.Option(envvar="CLOUD", help="Cloud [default: what the environment's file says].")]
Model = Annotated[str, typer.Option(envvar="MODEL", help="Model, as in a team's file.")]
Version = Annotated[str | None, typer.Option(envvar="VERSION", help="Version number.")]
Signer = Annotated[str | None, typer.Option("--as", envvar="AS", help="E-mail of who signs [default: git's].")]
Key = Annotated[Path | None, typer.Option(envvar="KEY", help="Their SSH key [default: git's, or the usual ones].")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything and change nothing.")]
