"""The command ``release``: to production in one go, stopping where people must agree."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from environments import DIRECTORY, ORDER, load_platform
from governance.options import AsJson, Cloud, DryRun, Key, Model, Settings, Signer
from governance.target import target_for

APPROVAL_DUE = 3
"""Exit status when nothing is missing but somebody's approval."""


def release(
    model: Model,
    signer: Signer = None,
    key: Key = None,
    wait: Annotated[float, typer.Option(envvar="WAIT", min=0, help="Minutes to wait for an approval that is due.")] = 0,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Bring a model to production: train if need be, promote, validate, promote. Exit 3 when an approval is due."""
    production = target_for(load_platform(settings), model, ORDER[-1], cloud)
    from governance.progress import quiet_third_parties

    quiet_third_parties()
    from governance.promotion.promote import ApprovalDue
    from governance.promotion.release import next_steps
    from governance.promotion.release import release as bring
    from governance.signing.signatories import choose_signatory

    def tell(step: str) -> None:
        typer.echo(f"  {step}", err=as_json)

    if dry_run:
        steps = next_steps(production)
        typer.echo(json.dumps({"steps": steps}) if as_json else "Would go on with: " + (", ".join(steps) or "nothing"))
        return
    asker = choose_signatory(production, signer, key) if signer or key else None
    try:
        released = bring(production, requested_by=asker, wait=wait * 60, tell=tell)
    except ApprovalDue as due:
        typer.echo(f"{due}\nThen run make release again.", err=True)
        raise typer.Exit(APPROVAL_DUE) from due
    if as_json:
        typer.echo(json.dumps({"model": model, "version": released.version, "already": released.promotion is None}))
        return
    verb = "is in" if released.promotion else "was already in"
    typer.echo(f"Version {released.version} of {model} {verb} {ORDER[-1]}.")
