"""Adding a team: everything is checked and planned first, then all of it is written at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from environments import CHECKOUT, Platform
from governance.teams import scaffold, team_file
from governance.teams.errors import TeamRefusedError
from governance.teams.preview import Preview, preview, settings_with
from governance.teams.request import NewTeam, check


@dataclass(frozen=True)
class Added:
    """A team that was added, or would be."""

    request: NewTeam
    files: tuple[Path, ...]
    """Relative to the checkout where they are below it."""
    previews: tuple[Preview, ...]
    updatable: bool
    """Whether `copier update` can bring later templates: the template was committed as it was used."""


def create(
    request: NewTeam,
    platform: Platform,
    *,
    cloud: str | None = None,
    plan: bool = True,
    dry_run: bool = False,
    checkout: Path = CHECKOUT,
) -> Added:
    """Add the team: its file in the settings, and its scaffold in the checkout.

    Args:
        request: The team.
        platform: The settings that it is added to.
        cloud: The cloud whose plans are shown (default: each environment's own choice).
        plan: Whether to plan. Only for where the environments' state cannot be read.
        dry_run: Check, render and plan, but write nothing.
        checkout: Where the scaffold goes.

    Raises:
        TeamRefusedError: the request is wrong, something is there already, or a plan deletes or replaces something.
        TerraformError, InfrastructureError, WorkspaceError: an environment cannot be planned. Nothing was written.
    """
    scaffold.take_back(checkout)
    check(request, platform, checkout)
    text = team_file.render(request, platform)
    destination = platform.directory / "teams" / f"{request.name}.yaml"
    models = request.all_models()
    with scaffold.rendered(request, checkout) as staging, settings_with(platform, add={request.name: text}) as after:
        previews = _previews(request, platform, after, cloud) if plan else ()
        files = sorted(path.relative_to(staging) for path in staging.rglob("*") if path.is_file())
        if not dry_run:
            scaffold.place(staging, request.name, models, destination, text, checkout)
    shown = destination.relative_to(checkout) if destination.is_relative_to(checkout) else destination
    return Added(request, (shown, *files), tuple(previews), scaffold.template_commit(checkout) is not None)


def _previews(request: NewTeam, before: Platform, after: Platform, cloud: str | None) -> Sequence[Preview]:
    found = [preview(before, after, name, cloud, team=request.name) for name in after.environments]
    lost = [
        f"  {planned.environment} on {planned.cloud}: {what}"
        for planned in found
        for what in planned.unrelated_changes
        if "delete" in what
    ]
    if lost:
        raise TeamRefusedError(
            f"Adding {request.name} would take away what is there, which is a fault of the Terraform in infra/. "
            "Nothing was written.\n" + "\n".join(lost)
        )
    return found
