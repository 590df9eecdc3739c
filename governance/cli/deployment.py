"""The command that deploys pipelines after infrastructure and stacks."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from environments import DIRECTORY
from governance.cli.common import ready_targets
from governance.cli.options import AsJson, Cloud, DryRun, Env, Settings


def deploy(
    env: Env = "dev",
    model: Annotated[str | None, typer.Option(envvar="MODEL", help="Only this model (default: every team's).")] = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Compile every model's governed pipelines for an environment's stacks, and keep them in ZenML by name."""
    targets = ready_targets(settings, model, env, cloud)
    from governance.runs import deployment as snapshots
    from governance.runs.schedules import follow_stage

    rows = [found for target in targets for found in snapshots.deploy(target, dry_run=dry_run)]
    moved = [] if dry_run else [found for found in map(follow_stage, targets) if found is not None]
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    changed = "would be deployed" if dry_run else "deployed"
    for row in rows:
        typer.echo(f"{row.snapshot}: {row.pipeline} {changed if row.changed else 'unchanged'}")
    for schedule in moved:
        typer.echo(f"{schedule.schedule}: schedule {schedule.action}, version {schedule.version}")
    if not rows:
        typer.echo(f"No team has a model in {env}.")
