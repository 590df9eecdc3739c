"""Removing a team: what would go, what forbids it, and the removal itself once it is confirmed by name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from environments import CHECKOUT, ORDER, Environment, Platform, SettingsError, Team, pick_cloud
from governance.teams import archive, scaffold
from governance.teams.errors import TeamRefusedError
from governance.teams.holdings import held_by_production
from governance.teams.preview import Preview, preview, settings_with


@dataclass(frozen=True)
class TeamRemoval:
    """A team that is to go: all that would go with it."""

    team: Team
    clouds: dict[str, str]
    """By environment, the cloud on which its stacks are removed."""
    checkout: Path
    files: tuple[Path, ...]
    """Its file, and the files and folders of its scaffold."""
    objects: dict[str, tuple[str, ...]]
    """What is unregistered from ZenML, by environment."""
    previews: tuple[Preview, ...]
    obstacles: tuple[str, ...] = field(default=())
    """What forbids it."""

    def describe(self) -> list[str]:
        """Describe what would go, line by line, for a person to read."""
        lines = [f"{self.team.team}: what would go", "  files and folders"]
        lines += [f"    {file}" for file in self.files]
        for environment, names in self.objects.items():
            lines += [f"  ZenML, {environment}", *(f"    {name}" for name in names)] if names else []
        for planned in self.previews:
            lines.append(f"  infrastructure of {planned.environment} on {planned.cloud}, by a later apply")
            lines += [f"    {address}" for address in planned.addresses]
            lines += [f"    ATTENTION, not the team's: {address}" for address in planned.unrelated_changes]
        return lines

    def refusal(self) -> str:
        """Return why the team may not go."""
        reasons = "\n".join(f"  {obstacle}" for obstacle in self.obstacles)
        return f"{self.team.team} cannot be removed; nothing was changed.\n{reasons}"

    def as_json(self) -> dict[str, Any]:
        """Return what would go as JSON values."""
        return {
            "team": self.team.team,
            "files": [str(file) for file in self.files],
            "objects": self.objects,
            "plans": [asdict(planned) for planned in self.previews],
            "obstacles": list(self.obstacles),
        }


def plan_removal(
    name: str, platform: Platform, *, cloud: str | None = None, plan: bool = True, checkout: Path = CHECKOUT
) -> TeamRemoval:
    """Find what would go with the team ``name``, and what forbids it. Change nothing.

    Raises:
        TeamRefusedError: there is no such team.
        RegistrationError: ZenML cannot be asked.
        TerraformError, InfrastructureError, WorkspaceError: an environment cannot be planned.
    """
    if name not in platform.teams:
        raise TeamRefusedError(f"There is no team {name!r}; there are: {', '.join(platform.teams) or 'none'}.")
    team = platform.teams[name]
    clouds = {where: pick_cloud(platform.environments[where], cloud) for where in team.environments}
    obstacles: list[str] = []
    previews: list[Preview] = []
    try:
        with settings_with(platform, without=name) as after:
            if plan:
                previews = [preview(platform, after, where, on, team=name) for where, on in clouds.items()]
    except SettingsError as error:
        obstacles.append(f"Other settings still name what is the team's; take that out first. {error}")
    obstacles += [
        f"Its removal would take away what is not the team's in {planned.environment}: {what}"
        for planned in previews
        for what in planned.unrelated_changes
        if "delete" in what
    ]
    obstacles += held_by_production(team, platform, clouds)
    return TeamRemoval(
        team=team,
        clouds={**clouds},
        checkout=checkout,
        files=tuple(_files(team, platform, checkout)),
        objects={where: tuple(_registered(platform.environments[where], on, name)) for where, on in clouds.items()},
        previews=tuple(previews),
        obstacles=tuple(obstacles),
    )


def remove(removal: TeamRemoval, platform: Platform) -> Path:
    """Archive the team, unregister its stacks, and delete its scaffold and then its file.

    Run again after an interrupt it finishes, as long as the team's file is there.

    Returns:
        The archive.

    Raises:
        RegistrationError: ZenML refused; the files are still there.
    """
    from stack_bootstrap.registration import unregister

    if removal.obstacles:
        raise TeamRefusedError(removal.refusal())
    stored = archive.write(removal, platform)
    # From production backwards: what is refused there leaves the rest of the team as it is.
    for name in sorted(removal.clouds, key=lambda name: ORDER.index(name) if name in ORDER else -1, reverse=True):
        # CONFIRM named the team; the environment's name is what unregistering asks for.
        unregister(platform.environments[name], removal.clouds[name], team=removal.team.team, confirm=name)
    for path in reversed(removal.files):  # the team's file is the first, and goes last
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return stored


def _files(team: Team, platform: Platform, checkout: Path) -> Iterator[Path]:
    yield platform.directory / "teams" / f"{team.team}.yaml"
    yield from (path for part in scaffold.parts(team.team, team.models) if (path := checkout / part).exists())


def _registered(environment: Environment, cloud: str, team: str) -> Iterator[str]:
    from stack_bootstrap.registration import unregister

    for change in unregister(environment, cloud, team=team, dry_run=True):
        yield f"{change.ref.title} {change.ref.name}"
