"""Command-line options that several commands share, spelt once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EnvironmentNames = Annotated[
    list[str], typer.Option("--env", envvar="ENV", help="Environment. Repeat it for several, or say 'all'.")
]
EnvironmentName = Annotated[str, typer.Option("--env", envvar="ENV", help="Environment.")]
CloudName = Annotated[
    str | None, typer.Option("--cloud", envvar="CLOUD", help="Cloud [default: what the environment's file says].")
]
SettingsDirectory = Annotated[
    Path,
    typer.Option(
        "--settings", envvar="GROUNDWORK_ENVIRONMENTS", help="Folder of the settings files.", resolve_path=True
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]
