"""What the commands share: finding their target, and printing the outcome."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
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
    if target.project is not None:
        from governance.core.stacks import use_project

        use_project(target.project)
    return target


def ready_targets(settings: Path, model: str | None, environment: str, cloud: str | None) -> list[Target]:
    """Return the targets of ``model``, or of every team's models in the environment, as :func:`ready_target` does.

    Each of them may have a project of its own, so none is chosen for this process.
    """
    platform = load_platform(settings)
    platform.environment(environment)  # a misspelt one is an error, not one without models
    teams = [team for team in platform.teams.values() if environment in team.environments]
    models = [model] if model else [name for team in teams for name in team.models]
    targets = [target_for(platform, name, environment, cloud) for name in models]
    from governance.core.progress import ready_zenml

    ready_zenml()
    return targets


def signatory(target: Target, signer: str | None, key: Path | None, *, yes: bool) -> Signatory:
    """Return who signs. They are shown what they would sign, and asked on a terminal unless ``yes`` is their answer.

    What was agreed to once is not asked again in the same process.

    Raises:
        SigningError: no address or no key is known.
    """
    from governance.signing.errors import NotConfirmedError
    from governance.signing.signatories import choose_signatory

    agreed: set[str] = set()

    def confirm(shown: str) -> None:
        if shown in agreed:
            return
        typer.echo(f"{chosen.email} would sign: {shown}", err=True)
        if not yes and not somebody_is_there():
            raise NotConfirmedError(
                "Nothing was signed: nobody is there to be asked. YES=1 is the answer of who has seen the above."
            )
        if not yes and not typer.confirm("Sign this?", err=True):
            raise NotConfirmedError("Nothing was signed.")
        agreed.add(shown)

    chosen = replace(choose_signatory(target, signer, key), confirm=confirm)
    return chosen


def asker(target: Target, signer: str | None, key: Path | None, *, yes: bool) -> Signatory | None:
    """Return who signs a request, if somebody is named; else whoever runs this asks."""
    return signatory(target, signer, key, yes=yes) if signer or key else None


def somebody_is_there() -> bool:
    """Return whether a person can be asked: standard input is a terminal."""
    return sys.stdin.isatty()


def say(text: str, as_json: bool, **facts: object) -> None:
    """Print ``text`` for people, or ``facts`` as JSON for a machine."""
    typer.echo(json.dumps(facts, indent=2, default=str) if as_json else text)


def warn_of_other_settings(target: Target) -> None:
    """Say on standard error where the settings at hand are not those that were applied to ``target``'s environment.

    Reading goes on: what it shows of limits and people is then what the settings at hand say.
    """
    from governance.audit import AuditError, open_reader
    from governance.records.settings import other_settings

    try:
        wrong = other_settings(target, open_reader(target.platform, target.environment.environment, cloud=target.cloud))
    except AuditError as error:
        wrong = f"Which settings were applied cannot be told: {error}"
    if wrong:
        typer.echo(f"Read with other settings than count there: {wrong}", err=True)
