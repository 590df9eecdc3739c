"""The command ``release``: to production in one go, stopping where people must agree."""

from __future__ import annotations

from typing import Annotated

import typer

from environments import DIRECTORY, ORDER
from governance.cli.common import asker, ready_target, say
from governance.cli.options import AsJson, Cloud, DryRun, Key, Model, Settings, Signer, Yes

APPROVAL_DUE = 3
"""Exit status when nothing is missing but somebody's approval."""


def release(
    model: Model,
    signer: Signer = None,
    key: Key = None,
    yes: Yes = False,
    wait: Annotated[float, typer.Option(envvar="WAIT", min=0, help="Minutes to wait for an approval that is due.")] = 0,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Bring a model to production: train if need be, promote, validate, promote. Exit 3 when an approval is due."""
    production = ready_target(settings, model, ORDER[-1], cloud)
    from governance.promotion.promote import ApprovalDueError
    from governance.promotion.release import next_steps
    from governance.promotion.release import release as bring

    def tell(step: str) -> None:
        typer.echo(f"  {step}", err=as_json)

    if dry_run:
        steps = next_steps(production)
        say("Would go on with: " + (", ".join(steps) or "nothing"), as_json, steps=steps)
        return
    try:
        released = bring(production, requested_by=asker(production, signer, key, yes=yes), wait=wait * 60, tell=tell)
    except ApprovalDueError as due:
        typer.echo(f"{due}\nThen run make release again.", err=True)
        raise typer.Exit(APPROVAL_DUE) from due
    verb = "is in" if released.promotion else "was already in"
    say(
        f"Version {released.version} of {model} {verb} {ORDER[-1]}.",
        as_json,
        model=model,
        version=released.version,
        already=released.promotion is None,
    )
