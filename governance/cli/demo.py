"""The commands of the demo: on this machine, or on the cluster that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from environments import DIRECTORY, load_platform
from governance.cli.common import say, somebody_is_there
from governance.cli.options import AsJson, DryRun, Settings
from governance.core.errors import RefusedError

OnCluster = Annotated[
    bool, typer.Option("--kubernetes", envvar="KUBERNETES", help="On the cluster that the settings name, not here.")
]


def demo(
    kubernetes: OnCluster = False,
    keys: Annotated[
        Path | None,
        typer.Option(
            envvar="KEYS",
            help="On a cluster: folder of people's private SSH keys, each called like its owner's address.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", envvar="YES", help="On a cluster: do not ask before it begins.")
    ] = False,
    settings: Settings = DIRECTORY,
    dry_run: DryRun = False,
) -> None:
    """Run everything: infrastructure, stacks, a model of every team from training to production, proof of it."""
    from governance.demo import run_demo
    from governance.demo.config import Place

    platform = load_platform(settings)
    if not kubernetes:
        if dry_run:
            raise typer.BadParameter("--dry-run is for --kubernetes; here all goes below local.root.")
        run_demo(platform)
        return
    place = Place("kubernetes", keys)
    from governance.demo.readiness import NotReadyError, intended, require_ready

    require_ready(platform, place)
    lines = intended(platform, place)
    typer.echo("\n".join([f"{'Would' if dry_run else 'Will'} do:", *(f"  {line}" for line in lines)]))
    if dry_run:
        return
    if not yes and not (somebody_is_there() and typer.confirm("Begin?")):
        raise NotReadyError("Nothing was done. On a cluster the demo begins when somebody agrees, or with YES=1.")
    run_demo(platform, place)


def clean_demo(
    kubernetes: OnCluster = False, settings: Settings = DIRECTORY, as_json: AsJson = False, dry_run: DryRun = False
) -> None:
    """Remove the local folders that the demo made, and nothing else."""
    from governance.demo import clean

    platform = load_platform(settings)
    if kubernetes:
        commands = "".join(f"\n  make destroy ENV={name} CLOUD=kubernetes" for name in platform.environments)
        raise RefusedError(
            f"Nothing was done: on a cluster the demo makes environments like any other, which hold a log.{commands}\n"
            "removes them; what protects production holds there too."
        )
    removed = clean(platform, dry_run=dry_run)
    verb = "Would remove" if dry_run else "Removed"
    say(f"{verb} {', '.join(map(str, removed)) or 'nothing: there is no demo'}.", as_json, removed=removed)
