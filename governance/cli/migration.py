"""The command ``migrate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from environments import DIRECTORY, load_platform
from governance.cli.common import say
from governance.cli.options import AsJson, Cloud, DryRun, Settings
from governance.core.target import target_for

if TYPE_CHECKING:
    from governance.migration.migrate import Move

_ADDRESS = "PROJECT of the store in use, or URL#PROJECT of another server."
_SHOWN = 10
"""Differences that are listed for people; JSON holds all."""


def migrate(
    source: Annotated[str, typer.Option("--from", envvar="FROM", help=f"Where the team's models are: {_ADDRESS}")],
    destination: Annotated[str, typer.Option("--to", envvar="TO", help=f"Where they are to be: {_ADDRESS}")],
    team: Annotated[str, typer.Option(envvar="TEAM", help="Whose models.")],
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Copy a team's models, runs and lineage to another project or server, compare both, and record the map."""
    platform = load_platform(settings)
    moved = platform.team(team)
    targets = [target_for(platform, moved.models[0], name, cloud) for name in moved.environments]
    from rich.console import Console

    from governance.core.progress import ready_zenml

    ready_zenml()
    from governance.migration.migrate import NOT_KEPT, migrate, plan
    from governance.migration.places import open_place

    with Console(stderr=True).status("Opening both places") as status:
        here, there = open_place(source), open_place(destination)
        if dry_run:
            move = plan(here, there, moved, status.update)
        else:
            move = migrate(here, there, moved, targets, status.update)
    text = _said_before(move) if dry_run else _said_after(move, NOT_KEPT)
    facts = vars(move) | ({} if dry_run else {"agrees": move.agrees, "not_kept": NOT_KEPT})
    say(text, as_json, **facts)
    if not dry_run and not move.agrees:
        raise typer.Exit(1)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{kind.replace('_', ' ')}: {number}" for kind, number in counts.items() if number) or "nothing"


def _unfinished(move: Move) -> list[str]:
    return [f"Left out, as they have not ended: {', '.join(move.left)}."] if move.left else []


def _said_before(move: Move) -> str:
    held = f"{move.source} holds of {move.team} {_counted(move.counts)}."
    missing = f"Missing or different in {move.destination}: {len(move.differences)} things."
    return "\n".join([held, missing, *_unfinished(move)])


def _said_after(move: Move, not_kept: tuple[str, ...]) -> str:
    lines = [f"Made in {move.destination} now: {_counted(move.made)}.", *_unfinished(move)]
    if move.agrees:
        lines.append(f"Compared, and the same in both places: {_counted(move.counts)}.")
        lines += ["What could not be kept:", *(f"  {line}" for line in not_kept)]
        lines.append(f"The map of identifiers is in the log as {move.map_digest}.")
    else:
        lines.append(f"Compared: {len(move.differences)} differences.")
        lines += [f"  {line}" for line in move.differences[:_SHOWN]]
        lines.append("Run it again: it goes on from here. What is there twice is not made twice.")
    return "\n".join(lines)
