"""The demo: infrastructure, stacks, a model of every team in production, and proof of it, shown as it happens."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from environments import Platform
from governance.core.workspace import claim, remove_claimed, use_local_store, workspace_dir
from governance.demo.config import Place

if TYPE_CHECKING:
    from rich.console import Console


def clean(platform: Platform, *, dry_run: bool = False) -> list[Path]:
    """Remove what the demo made, and only that. Returns the folders removed (or, dry, to be removed)."""
    return remove_claimed(platform, workspace_dir(platform), dry_run=dry_run)


def run_demo(platform: Platform, place: Place | None = None, console: Console | None = None) -> Path:
    """Run the main job for every environment and team. It can be run again, and goes on from what is there.

    Args:
        platform: The settings.
        place: Where; on this machine when none is given.
        console: What shows how it goes.

    Returns:
        The index of the reports.

    Raises:
        NotReadyError: something is missing for a demo on a cluster; nothing was changed.
        UncommittedError: files differ from the commit, so that what follows would be refused half-way.
        GateFailedError: a model did not reach what an environment asks for; everything before that stays.
        NotStoppedError: a model that is made to be stopped was not.
        TerraformError, RegistrationError: an environment could not be provisioned.
        DamagedError: an audit log or the evidence pack does not hold.
    """
    from rich.console import Console as Screen

    from governance.demo.lifecycle import bring_to_production, go_back, stop_a_bad_model
    from governance.demo.progress import DemoProgress
    from governance.demo.proof import verify_logs, write_evidence, write_reports
    from governance.demo.provision import provision
    from governance.demo.readiness import require_committed, require_ready

    place = place or Place()
    progress = DemoProgress(console or Screen(highlight=False))
    if place.cloud == "local":
        require_committed(platform)
        root = workspace_dir(platform)
        claim(platform, root)
        use_local_store(root)
    else:
        require_ready(platform, place)
    began = time.monotonic()
    provision(platform, progress, place)
    model = ""
    for team in platform.teams.values():
        model = team.models[0]
        progress.chapter(f"{team.team}: {model}")
        bring_to_production(platform, model, progress, place)
    progress.chapter(f"What is stopped, and the way back: {model}")
    stop_a_bad_model(platform, model, progress, place)
    go_back(platform, model, progress, place)
    progress.chapter("What can be proved")
    verify_logs(platform, progress, place)
    write_evidence(platform, model, progress, place)
    index = write_reports(platform, progress, place)
    progress.console.print(
        f"\nDone in {time.monotonic() - began:.0f} s. Open the report: [bold]{index}[/bold]", soft_wrap=True
    )
    return index
