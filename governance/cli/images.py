"""The command that builds base images."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from environments import DIRECTORY, load_platform, pick_cloud
from environments.names import PLATFORM
from governance.cli.options import AsJson, Cloud, DryRun, Env, Settings
from governance.images.requirements import IMAGE_KINDS


def image(
    kind: Annotated[str, typer.Option(envvar="KIND", help="training, inference or server.")] = "training",
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
    """Build the image of training, inference or the server, push it, and print the digest for the settings."""
    chosen = next((known for known in IMAGE_KINDS if known == kind), None)
    if chosen is None:
        known = " or ".join(IMAGE_KINDS)
        raise typer.BadParameter(f"{kind!r} is no kind of image; choose {known}.", param_hint="--kind")
    platform = load_platform(settings)
    from governance.images.build import build, build_server
    from governance.images.registry import registry_of
    from stack_bootstrap.infrastructure import read_stacks

    registry = registry_of(read_stacks(platform, env, cloud)[PLATFORM]) if push else None
    if dry_run:
        typer.echo(f"Would build groundwork-{chosen}{f' and push it to {registry.uri}' if registry else ''}.")
        return
    place = pick_cloud(platform.environments[env], cloud)
    if chosen == "server":
        built = build_server(place, platform.directory, base=base or None, registry=registry)
    else:
        built = build(chosen, place, base=base or None, registry=registry)
    if as_json:
        typer.echo(json.dumps(asdict(built), indent=2))
    elif built.reference:
        where = "server.yaml, image" if chosen == "server" else f"{env}.yaml, images.{chosen}"
        typer.echo(f"{where}: {built.reference}")
    else:
        typer.echo(f"Built {built.tag} ({built.image_id}). It gets its digest when it is pushed: PUSH=1.")
