"""The command ``members``."""

from __future__ import annotations

from typing import Annotated

import typer

from environments import DIRECTORY, load_platform
from governance.cli.common import say
from governance.cli.options import AsJson, DryRun, Settings

Env = Annotated[str, typer.Option(envvar="ENV", help="Environment whose people and CI have accounts, or all.")]
Rotate = Annotated[bool, typer.Option("--rotate", envvar="ROTATE", help="Give CI's service accounts new keys, too.")]


def members(
    env: Env = "all",
    rotate: Rotate = False,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Make, reactivate and deactivate the running server's accounts, as the applied team files say."""
    from governance.server import members as accounts
    from governance.server.api import connect

    platform = load_platform(settings)
    environments = list(platform.environments) if env == "all" else [platform.environment(env).environment]
    api = connect(platform)
    changes = accounts.plan(platform, api, environments, rotate=rotate)
    rows = [{"action": one.action, "account": str(one.account), "reason": one.reason} for one in changes]
    if dry_run or not changes:
        lines = [f"Would {change}" for change in changes]
        say("\n".join(lines) or "Every account is as the applied settings say.", as_json, changes=rows)
        return
    for row, (change, file) in zip(rows, accounts.apply(platform, api, changes), strict=True):
        row |= {"file": str(file)} if file else {}
        if not as_json:
            typer.echo(f"{accounts.DONE[change.action].capitalize()} {change.account}{_where(file)}")
    if as_json:
        say("", as_json, changes=rows)


def _where(file: object) -> str:
    return f"; hand over and remove {file}" if file else ""
