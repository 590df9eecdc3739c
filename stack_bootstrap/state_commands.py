"""The command that makes the bucket for an environment's Terraform state."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Annotated

import typer

from environments import DIRECTORY, load_platform, pick_cloud
from stack_bootstrap import offline
from stack_bootstrap.options import AsJson, CloudName, EnvironmentNames, SettingsDirectory, expand_environments
from stack_bootstrap.state import StateBucket, StateError, make_state_bucket
from stack_bootstrap.state_gcp import make_gcs_state_bucket

app = typer.Typer()

_MAKERS: Mapping[str, Callable[..., StateBucket]] = {"aws": make_state_bucket, "gcp": make_gcs_state_bucket}
"""What makes the state bucket on each cloud that has one."""


@app.command()
def state(
    env: EnvironmentNames,
    cloud: CloudName = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Make or correct the bucket that holds Terraform's state; needed once before the first plan on a cloud."""
    platform = load_platform(settings)
    made: list[StateBucket] = []
    for name in expand_environments(env, platform):
        environment = platform.environment(name)
        picked = pick_cloud(environment, cloud)
        if picked not in _MAKERS:
            raise StateError(f"CLOUD={picked} keeps no state in a bucket. Say CLOUD={' or CLOUD='.join(_MAKERS)}.")
        if offline.requested():
            raise StateError(f"{offline.VARIABLE}=1 needs no state bucket and touches none. Leave it out to make one.")
        made.append(_MAKERS[picked](environment, dry_run=dry_run))
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
