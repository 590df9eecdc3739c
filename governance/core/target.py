"""Where a model runs: environment, cloud, team and stack, with what that environment asks of the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from environments import (
    ORDER,
    Cloud,
    Environment,
    Platform,
    SettingsError,
    Team,
    local_root,
    names_for,
    pick_cloud,
    stack_name,
)
from governance.core.requirements import Requirements
from pipelines.config import read_config


@dataclass(frozen=True)
class Target:
    """One model in one environment on one cloud."""

    platform: Platform
    environment: Environment
    cloud: Cloud
    team: Team
    model: str

    @property
    def stack(self) -> str:
        """Name of the ZenML stack that runs use."""
        return stack_name(self.team.team, self.environment.environment, self.cloud)

    @property
    def project(self) -> str | None:
        """The team's ZenML project; None for the active one, where all teams share it."""
        return self.platform.project_of(self.team.team)

    @property
    def thresholds(self) -> Requirements:
        """What the model must reach here, by the metrics of its task.

        Raises:
            ConfigError: the model has no config, or a wrong one.
        """
        return Requirements.of(self.environment, read_config(self.model))

    @property
    def owner(self) -> str:
        """The first of the team's owners: whom an alert names."""
        return self.team.owners[0]

    @property
    def guarded(self) -> bool:
        """Whether only settings that were applied and code that was committed decide here."""
        return self.environment.environment in ORDER[1:] or self.environment.protected

    @property
    def where(self) -> str:
        """``model in environment``, for messages."""
        return f"{self.model} in {self.environment.environment}"

    @property
    def folder(self) -> Path:
        """The team's folder of this environment on the ``local`` cloud, which Terraform makes."""
        names = names_for(self.team.team, self.environment.environment, self.cloud, self.environment.prefix)
        return local_root(self.environment) / "environments" / names.folder

    def in_environment(self, environment: str) -> Target:
        """Return the same model in another environment, on the same cloud."""
        return target_for(self.platform, self.model, environment, self.cloud)


def target_for(platform: Platform, model: str, environment: str, cloud: str | None = None) -> Target:
    """Find who owns ``model`` and where it runs in ``environment``.

    Raises:
        SettingsError: the environment, cloud or model is unknown, or the owning team is not in that environment.
    """
    settings = platform.environment(environment)
    team = platform.team_of(model)
    if environment not in team.environments:
        raise SettingsError(
            f"Team {team.team!r} has no section for {environment!r}: add it under environments: in "
            f"{platform.directory / 'teams' / (team.team + '.yaml')}."
        )
    return Target(platform, settings, pick_cloud(settings, cloud), team, model)
