"""The commands that freeze pipelines and list what is frozen."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from environments import DIRECTORY
from governance.cli.common import ready_targets, warn_of_other_settings
from governance.cli.options import AsJson, Cloud, DryRun, Env, Settings

OneModel = Annotated[str | None, typer.Option(envvar="MODEL", help="Only this model (default: every team's).")]


def freeze(
    env: Env = "staging",
    model: OneModel = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Keep an environment's pipelines, on record, as what runs start from; production takes what staging has tried."""
    targets = ready_targets(settings, model, env, cloud)
    from governance.snapshots.freeze import freeze as keep

    rows = [(target, row) for target in targets for row in keep(target, dry_run=dry_run)]
    if as_json:
        typer.echo(json.dumps([{"model": target.model, **asdict(row)} for target, row in rows], indent=2))
        return
    changed = "would be frozen" if dry_run else "frozen"
    for target, row in rows:
        version = f", version {row.version}" if row.version else ""
        digest = f" {row.digest[7:19]}" if row.digest else ""
        tested = f", tried as {row.tested_as[7:19]}" if row.tested_as else ""
        typer.echo(f"{target.where}: {row.pipeline}{version} {changed if row.changed else 'unchanged'}{digest}{tested}")
    if not rows:
        typer.echo(f"No team has a model in {env}.")


def snapshots(
    env: Env = "production",
    model: OneModel = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """List what is frozen in an environment: digest, version, commit, whether it was tried and is in use."""
    targets = ready_targets(settings, model, env, cloud)
    from governance.audit import open_reader
    from governance.snapshots.frozen import read_snapshots, rows_of

    for target in targets[:1]:
        warn_of_other_settings(target)
    rows = [
        row
        for target in targets
        for row in rows_of(read_snapshots(target, open_reader(target.platform, env, cloud=target.cloud)))
    ]
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2, default=str))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("digest", "model", "pipeline", "version", "commit", "frozen (UTC)", "tried", "in use", box=None)
    for row in rows:
        table.add_row(
            row.digest[7:19],
            row.model,
            row.pipeline,
            row.version or "",
            row.commit[:12],
            f"{row.frozen:%Y-%m-%d %H:%M}",
            "yes" if row.tried else "no",
            "yes" if row.in_use else "no",
        )
    console = Console()
    if not console.is_terminal:  # a pipe has no width to fit into
        console.width = 160
    console.print(table if rows else f"Nothing is frozen in {env} yet: make freeze ENV={env}")
