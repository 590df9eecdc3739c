"""The command that trains a recorded run once more."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from environments import DIRECTORY
from governance.cli.common import ready_target, say
from governance.cli.options import AsJson, Cloud, DryRun, Env, Model, Settings, Version

DIFFERS = 2
"""Exit status of ``reproduce`` when something differs that its intervals do not allow for."""


def reproduce(
    model: Model,
    env: Env = "dev",
    version: Version = None,
    run: Annotated[
        str | None,
        typer.Option(envvar="RUN_NAME", help="A run, in place of a version (default: the newest)."),
    ] = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Train a version again from its commit, lock, data and seed; say what differs first. Exit 2 when it differs."""
    target = ready_target(settings, model, env, cloud)
    from governance.reproduction import reproduce as again

    if dry_run:
        planned = again.plan(target, run=run, version=version)
        recorded = planned.recorded
        say(
            f"Would train version {recorded.version} of {target.where} (run {recorded.run}) again from commit "
            f"{recorded.commit}{'' if planned.commit_at_hand else ', which is not here: git fetch --all'}, with "
            f"{'the packages that are here' if planned.lock_at_hand else 'the packages of its lock, to be installed'}.",
            as_json,
            run=recorded.run,
            version=recorded.version,
            commit=recorded.commit,
            commit_at_hand=planned.commit_at_hand,
            lock_at_hand=planned.lock_at_hand,
        )
        return
    done = again.reproduce(target, run=run, version=version, tell=lambda step: typer.echo(f"  {step} ...", err=as_json))
    verdicts = {
        "reproduced": f"is reproduced: the same model came of it, {done.model}",
        "within_intervals": "gives another model whose metrics are within the recorded intervals",
        "differs": "is not reproduced",
    }
    image = f"\n  (It ran in the image {done.image}, and was trained again without one.)" if done.image else ""
    say(
        f"Version {done.version} of {target.where} (run {done.run}) {verdicts[done.outcome]}."
        + "".join(f"\n  {difference.what}: {difference.said}" for difference in done.differences)
        + image,
        as_json,
        **asdict(done),
        first_difference=done.first_difference,
    )
    if done.outcome == "differs":
        raise typer.Exit(DIFFERS)
