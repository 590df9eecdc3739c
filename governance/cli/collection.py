"""The command that brings runs into the log that nobody waited for."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from environments import DIRECTORY
from governance.cli.common import ready_targets, say
from governance.cli.options import AsJson, Cloud, DryRun, Env, Settings

if TYPE_CHECKING:
    from governance.runs.collector import Collection


def collect(
    env: Env = "production",
    model: Annotated[str | None, typer.Option(envvar="MODEL", help="One model (default: every team's).")] = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Enter in the log the runs of schedules, snapshots and killed processes, and publish what passed."""
    targets = ready_targets(settings, model, env, cloud)
    from governance.runs.collector import collect as bring_in

    found = {target.model: bring_in(target, dry_run=dry_run) for target in targets}
    say(
        "\n".join(line for name, collection in found.items() for line in _told(env, name, collection, dry_run=dry_run))
        or f"{env}: nothing to collect; no team has a model there.",
        as_json,
        environment=env,
        collected={name: asdict(collection) for name, collection in found.items()},
    )


def _told(env: str, model: str, found: Collection, *, dry_run: bool) -> list[str]:
    entered = "would be entered" if dry_run else "entered"
    lines = [
        f"{run.run}: {entered} as {run.outcome}{f'. {run.reason}' if run.reason else ''}"
        f"{'; its predictions are published' if run.published else ''}{f'. {run.withheld}' if run.withheld else ''}"
        for run in found.collected
    ]
    lines += [f"{run}: its predictions {'would be' if dry_run else 'are'} published" for run in found.published]
    lines += [f"{missed}: {'would be' if dry_run else 'is'} on record as missed" for missed in found.missed]
    lines += [*found.overdue, *(f"{run}: goes on" for run in found.running)]
    return lines or [f"{model} in {env}: every run is in the log."]
