"""The main job, told as it happens: infrastructure, stacks, every team's models in production, and the proof of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from environments import Platform
from governance.ground import claim, remove_claimed, shared_ground, use_local_store

if TYPE_CHECKING:
    from rich.console import Console


def clean(platform: Platform, *, dry_run: bool = False) -> list[Path]:
    """Remove what the demo made, and only that. Returns the folders removed (or, dry, to be removed)."""
    return remove_claimed(platform, shared_ground(platform), dry_run=dry_run)


def tell(platform: Platform, console: Console | None = None) -> Path:
    """Run the main job for every environment and team. It can be run again, and goes on from what is there.

    Returns:
        The index of the reports.

    Raises:
        GateFailed: a model did not reach what an environment asks for; everything before that stays.
        NotStopped: a model that is made to be stopped was not.
        TerraformError, RegistrationError: the ground could not be laid.
        Damaged: an audit log or the evidence pack does not hold.
    """
    from rich.console import Console as Screen

    from governance.demo.ground import lay_ground
    from governance.demo.proof import verify_logs, write_evidence, write_reports
    from governance.demo.story import Story
    from governance.demo.way import bring_to_production, go_back, stop_a_bad_model

    story = Story(console or Screen(highlight=False))
    ground = shared_ground(platform)
    claim(platform, ground)
    use_local_store(ground)
    began = time.monotonic()
    lay_ground(platform, story)
    model = ""
    for team in platform.teams.values():
        for model in team.models:
            story.chapter(f"{team.team}: {model}")
            bring_to_production(platform, model, story)
    story.chapter(f"What is stopped, and the way back: {model}")
    stop_a_bad_model(platform, model, story)
    go_back(platform, model, story)
    story.chapter("What can be proved")
    verify_logs(platform, story)
    write_evidence(platform, model, story)
    index = write_reports(platform, story)
    story.console.print(
        f"\nDone in {time.monotonic() - began:.0f} s. Open the report: [bold]{index}[/bold]", soft_wrap=True
    )
    return index
