"""What the commands have in common: finding what they are about, and saying what came of it."""

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
    """The target, and ZenML ready for it. What is wrong with the settings is said before ZenML is loaded.

    Raises:
        SettingsError: the settings do not know the model, or not in that environment.
    """
    target = target_for(load_platform(settings), model, environment, cloud)
    from governance.core.progress import quiet_third_parties

    quiet_third_parties()
    return target


def ready_targets(settings: Path, model: str | None, environment: str, cloud: str | None) -> list[Target]:
    """As :func:`ready_target`; without a model, those of every team's models in the environment."""
    platform = load_platform(settings)
    platform.environment(environment)  # a misspelt one is an error, not one without models
    teams = [team for team in platform.teams.values() if environment in team.environments]
    models = [model] if model else [one for team in teams for one in team.models]
    return [ready_target(settings, one, environment, cloud) for one in models]


def asker(target: Target, signer: str | None, key: Path | None) -> Signatory | None:
    """Who signs a request, if somebody is named; else whoever runs this asks."""
    from governance.signing.signatories import choose_signatory

    return choose_signatory(target, signer, key) if signer or key else None


def say(text: str, as_json: bool, **facts: object) -> None:
    """Print ``text`` for people, or ``facts`` as JSON for a machine."""
    typer.echo(json.dumps(facts, indent=2, default=str) if as_json else text)
