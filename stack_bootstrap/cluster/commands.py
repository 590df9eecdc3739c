"""The command that writes what lives inside a cluster, for those who apply it by GitOps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml

from environments import DIRECTORY, SERVER, load_platform, pick_cloud
from environments.files import replace_if_changed
from stack_bootstrap.clouds import adapted_clouds, adapter_for
from stack_bootstrap.cluster.objects import ClusterError, Manifest
from stack_bootstrap.options import CloudName, EnvironmentName, SettingsDirectory
from stack_bootstrap.workspace import workspace

app = typer.Typer()


@app.command()
def manifests(
    env: EnvironmentName,
    cloud: CloudName = None,
    settings: SettingsDirectory = DIRECTORY,
    out: Annotated[
        Path | None,
        typer.Option("--out", envvar="OUT", help="Folder to write to, a file for each namespace. Default: print them."),
    ] = None,
) -> None:
    """Write the objects that an environment has inside its cluster, as YAML. Asks no cluster."""
    platform = load_platform(settings)
    if env == SERVER:
        where = workspace(platform, env, cloud)
        picked, target = where.cloud, where.cluster
    else:
        environment = platform.environment(env)
        picked = pick_cloud(environment, cloud)
        target = adapter_for(picked).cluster(platform, environment) if picked in adapted_clouds() else None
    if target is None:
        raise ClusterError(f"{env} on {picked} has nothing inside a cluster. Say CLOUD=kubernetes.")
    if out is None:
        typer.echo(yaml.safe_dump_all(target.manifests, sort_keys=False), nl=False)
        return
    by_namespace: dict[str, list[Manifest]] = {}
    for made in target.manifests:
        about = made["metadata"]
        by_namespace.setdefault(about.get("namespace", about["name"]), []).append(made)
    out.mkdir(parents=True, exist_ok=True)
    wrote = [
        name
        for name, objects in by_namespace.items()
        if replace_if_changed(out / f"{name}.yaml", yaml.safe_dump_all(objects, sort_keys=False))
    ]
    typer.echo(f"{env} on {picked}: {len(target.manifests)} objects in {out}, {len(wrote)} files changed.")
    known = f"{target.prefix}-*-{target.environment}.yaml"
    for stale in sorted(file for file in out.glob(known) if file.stem not in by_namespace):
        typer.echo(f"{stale} is of a team that is gone: delete it, and let nothing run in its namespace then.")
