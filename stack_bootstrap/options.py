"""Command-line options that several commands share, spelt once, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from environments import SERVER, Platform

EnvironmentNames = Annotated[
    list[str], typer.Option("--env", envvar="ENV", help="Environment. Repeat it for several, or say 'all'.")
]
EnvironmentName = Annotated[str, typer.Option("--env", envvar="ENV", help="Environment.")]
CloudName = Annotated[
    str | None, typer.Option("--cloud", envvar="CLOUD", help="Cloud (default: what the environment's file says).")
]
SettingsDirectory = Annotated[
    Path,
    typer.Option(
        "--settings", envvar="GROUNDWORK_ENVIRONMENTS", help="Folder of the settings files.", resolve_path=True
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything and change nothing.")]


def expand_environments(names: Sequence[str], platform: Platform) -> list[str]:
    """Return the environments that ``--env`` means, in the order in which models pass through them.

    Raises:
        SettingsError: there is no such environment; a misspelt one is refused before anything is done for the others.
    """
    if "all" in names:
        return list(platform.environments)
    for name in names:
        platform.environment(name)
    return [name for name in platform.environments if name in names]


def expand_workspaces(names: Sequence[str], platform: Platform) -> list[str]:
    """Return what ``--env`` means where the shared server can be meant, too: it is not among ``all``.

    Raises:
        SettingsError: as for :func:`expand_environments`.
    """
    others = [name for name in names if name != SERVER]
    return [*(expand_environments(others, platform) if others else []), *([SERVER] if SERVER in names else [])]
