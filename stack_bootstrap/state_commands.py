"""The command that makes the bucket for an environment's Terraform state."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from environments import DIRECTORY, load_platform, pick_cloud
from stack_bootstrap.options import AsJson, CloudName, EnvironmentNames, SettingsDirectory, expand_environments
from stack_bootstrap.state import StateBucket, StateError, make_state_bucket

app = typer.Typer()


@app.command()
def state(
    env: EnvironmentNames,
    cloud: CloudName = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Make or correct the bucket that holds Terraform's state; needed once before the first plan on AWS."""
    platform = load_platform(settings)
    made: list[StateBucket] = []
    for name in expand_environments(env, platform):
        environment = platform.environment(name)
        picked = pick_cloud(environment, cloud)
        if picked != "aws":
            raise StateError(f"CLOUD={picked}: a state bucket is made here for aws only. Say CLOUD=aws.")
        made.append(make_state_bucket(environment, dry_run=dry_run))
        if not as_json:
            typer.echo(f"{name}: {_told(made[-1], dry_run)}")
    if as_json:
        typer.echo(json.dumps([asdict(bucket) for bucket in made], indent=2))


def _told(bucket: StateBucket, dry_run: bool) -> str:
    if not bucket.created and not bucket.changes:
        return f"the state bucket {bucket.name} is as it should be."
    did = (
        ("would be made" if dry_run else "was made") if bucket.created else ("differs" if dry_run else "was corrected")
    )
    return f"the state bucket {bucket.name} {did}: {', '.join(bucket.changes)}."
