"""The command that builds base images."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from environments import DIRECTORY, load_platform, pick_cloud
from environments.names import PLATFORM
from governance.cli.options import AsJson, Cloud, DryRun, Env, Settings
from governance.images.requirements import KINDS


def image(
    kind: Annotated[str, typer.Option(envvar="KIND", help="training or inference.")] = "training",
    env: Env = "dev",
    cloud: Cloud = None,
    push: Annotated[bool, typer.Option("--push", envvar="PUSH", help="Push it to the environment's registry.")] = False,
    base: Annotated[
        str | None,
        typer.Option(envvar="BASE", help="The image to build on, such as a mirror's of the one in the Dockerfile."),
    ] = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Build the base image of training or inference, push it, and print the digest for the environment's file."""
    chosen = next((known for known in KINDS if known == kind), None)
    if chosen is None:
        raise typer.BadParameter(f"{kind!r} is no kind of image; choose {' or '.join(KINDS)}.", param_hint="--kind")
    platform = load_platform(settings)
    from governance.images.build import build
    from governance.images.registry import registry_of
    from stack_bootstrap.infrastructure import read_stacks

    registry = registry_of(read_stacks(platform, env, cloud)[PLATFORM]) if push else None
    if dry_run:
        typer.echo(f"Would build groundwork-{chosen}{f' and push it to {registry.uri}' if registry else ''}.")
        return
    built = build(chosen, pick_cloud(platform.environments[env], cloud), base=base or None, registry=registry)
    if as_json:
        typer.echo(json.dumps(asdict(built), indent=2))
    elif built.reference:
        typer.echo(f"{env}.yaml, images.{chosen}: {built.reference}")
    else:
        typer.echo(f"Built {built.tag} ({built.image_id}). It gets its digest when it is pushed: PUSH=1.")
