"""The command that makes the bucket for an environment's Terraform state."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from environments import DIRECTORY, load_platform, pick_cloud
from stack_bootstrap import offline
from stack_bootstrap.clouds import adapted_clouds, adapter_for
from stack_bootstrap.clouds.state_bucket import StateBucket, StateError
from stack_bootstrap.options import AsJson, CloudName, DryRun, EnvironmentNames, SettingsDirectory, expand_environments

app = typer.Typer()


@app.command()
def state(
    env: EnvironmentNames,
    cloud: CloudName = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Make or correct the bucket that holds Terraform's state; needed once before the first plan on a cloud."""
    platform = load_platform(settings)
    made: list[StateBucket] = []
    for name in expand_environments(env, platform):
        environment = platform.environment(name)
        picked = pick_cloud(environment, cloud)
        adapter = adapter_for(picked) if picked in adapted_clouds() else None
        if adapter is None or not adapter.has_state_bucket:
            others = [name for name in adapted_clouds() if adapter_for(name).has_state_bucket]
            raise StateError(f"CLOUD={picked} keeps no state in a bucket. Say CLOUD={' or CLOUD='.join(others)}.")
        if offline.requested():
            raise StateError(f"{offline.VARIABLE}=1 needs no state bucket and touches none. Leave it out to make one.")
        made.append(adapter.make_state_bucket(environment, dry_run=dry_run))
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
