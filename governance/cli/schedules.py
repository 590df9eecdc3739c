"""The commands that show and change schedules."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from environments import DIRECTORY
from governance.cli.common import ready_target, ready_targets, say
from governance.cli.options import AsJson, Cloud, DryRun, Env, Model, Settings


def schedules(
    env: Env = "production",
    model: Annotated[str | None, typer.Option(envvar="MODEL", help="One model (default: every team's).")] = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """List the schedules of an environment: what each runs, when it is due, and who changed it last."""
    targets = ready_targets(settings, model, env, cloud)
    from governance.runs.schedules import list_schedules

    rows = [(target.model, row) for target in targets for row in list_schedules(target)]
    if as_json:
        typer.echo(json.dumps([{"model": name, **asdict(row)} for name, row in rows], indent=2, default=str))
        return
    for _, row in rows:
        due = "paused" if row.next_due is None else f"next {row.next_due:%Y-%m-%d %H:%M %Z}"
        typer.echo(
            f"{row.schedule}: {row.cron!r} {row.time_zone}, version {row.version}, {due}; "
            f"changed {row.changed:%Y-%m-%d %H:%M} UTC by {row.by}"
        )
    if not rows:
        typer.echo(f"No model has a schedule in {env}.")


def schedule(
    model: Model,
    env: Env = "production",
    cron: Annotated[str | None, typer.Option(envvar="CRON", help="Five fields, e.g. '0 2 * * *'.")] = None,
    time_zone: Annotated[str, typer.Option(envvar="TIMEZONE", help="By whose clock, e.g. Europe/Zurich.")] = "UTC",
    pause: Annotated[bool, typer.Option("--pause", help="Begin no runs until it is resumed.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after a pause.")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Remove it.")] = False,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Let a model's batch inference run on a schedule, which follows what is in use; or pause, resume or delete it."""
    if [cron is not None, pause, resume, delete].count(True) != 1:
        raise typer.BadParameter("Say one of CRON='0 2 * * *', PAUSE=1, RESUME=1 and DELETE=1.", param_hint="--cron")
    target = ready_target(settings, model, env, cloud)
    from governance.runs.schedules import delete_schedule, pause_schedule, set_schedule

    if cron is not None:
        done = set_schedule(target, cron, time_zone, dry_run=dry_run)
    elif delete:
        done = delete_schedule(target, dry_run=dry_run)
    else:
        done = pause_schedule(target, resume=resume, dry_run=dry_run)
    due = "" if done.next_due is None else f"; next {done.next_due:%Y-%m-%d %H:%M %Z}"
    would = "would be " if dry_run and done.action != "unchanged" else ""
    say(
        f"{done.schedule}: {would}{done.action}, {done.cron!r} {done.time_zone} with version {done.version}{due}",
        as_json,
        **asdict(done),
    )
