"""Command-line options that several commands share, spelt once; those of every command stand in ``stack_bootstrap``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stack_bootstrap.options import AsJson, DryRun
from stack_bootstrap.options import CloudName as Cloud
from stack_bootstrap.options import EnvironmentName as Env
from stack_bootstrap.options import SettingsDirectory as Settings

Model = Annotated[str, typer.Option(envvar="MODEL", help="Model, as in a team's file.")]
Version = Annotated[str | None, typer.Option(envvar="VERSION", help="Version number.")]
Snapshot = Annotated[
    str | None,
    typer.Option(envvar="SNAPSHOT", help="Start from what was frozen: digest (12 digits do), ZenML id or name."),
]
Signer = Annotated[str | None, typer.Option("--as", envvar="AS", help="E-mail of who signs (default: git's).")]
Key = Annotated[Path | None, typer.Option(envvar="KEY", help="Their SSH key (default: git's, or the usual ones).")]
Yes = Annotated[bool, typer.Option("--yes", envvar="YES", help="Sign without being asked; what is signed is shown.")]
Forget = Annotated[
    bool,
    typer.Option(
        "--forget-secrets", envvar="FORGET_SECRETS", help="Go on without values of secrets whose key is lost."
    ),
]

__all__ = [
    "AsJson",
    "Cloud",
    "DryRun",
    "Env",
    "Forget",
    "Key",
    "Model",
    "Settings",
    "Signer",
    "Snapshot",
    "Version",
    "Yes",
]
