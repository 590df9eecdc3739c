"""What the commands share: finding their target, and printing the outcome."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from environments import load_platform
from governance.core.target import Target, target_for

if TYPE_CHECKING:
    from governance.signing.signatories import Signatory


def ready_target(settings: Path, model: str, environment: str, cloud: str | None) -> Target:
    """Return the target, with ZenML's notices silenced; what is wrong with the settings is said before ZenML is loaded.

    Raises:
        SettingsError: the settings do not know the model, or not in that environment.
    """
    target = target_for(load_platform(settings), model, environment, cloud)
    from governance.core.progress import ready_zenml

    ready_zenml()
    return target


def ready_targets(settings: Path, model: str | None, environment: str, cloud: str | None) -> list[Target]:
    """Return what :func:`ready_target` does for ``model``, or for every team's models in the environment."""
    platform = load_platform(settings)
    platform.environment(environment)  # a misspelt one is an error, not one without models
    teams = [team for team in platform.teams.values() if environment in team.environments]
    models = [model] if model else [name for team in teams for name in team.models]
    return [ready_target(settings, name, environment, cloud) for name in models]


def asker(target: Target, signer: str | None, key: Path | None) -> Signatory | None:
    """Return who signs a request, if somebody is named; else whoever runs this asks."""
    from governance.signing.signatories import choose_signatory

    return choose_signatory(target, signer, key) if signer or key else None


def say(text: str, as_json: bool, **facts: object) -> None:
    """Print ``text`` for people, or ``facts`` as JSON for a machine."""
    typer.echo(json.dumps(facts, indent=2, default=str) if as_json else text)
