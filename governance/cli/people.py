"""The command ``signers``: whose key is whose, as ssh-keygen reads it."""

from __future__ import annotations

import json

import typer

from environments import DIRECTORY, load_platform, pick_cloud
from governance.cli.options import AsJson, Cloud, Env, Settings


def signers(
    env: Env = "production", cloud: Cloud = None, settings: Settings = DIRECTORY, as_json: AsJson = False
) -> None:
    """Show whose keys sign in an environment, in OpenSSH's form (ALLOWED SIGNERS in ssh-keygen(1)); times are UTC."""
    platform = load_platform(settings)
    environment = platform.environment(env)
    from governance.signing.people import known_people

    people = known_people(platform, environment, pick_cloud(environment, cloud))
    if as_json:
        typer.echo(json.dumps({"environment": env, "allowed_signers": people.allowed_signers.splitlines()}, indent=2))
    elif people.allowed_signers:
        typer.echo(people.allowed_signers, nl=False)
    else:
        typer.echo(f"Nobody has a key in {people.where}: add keys there, by a reviewed change.", err=True)
