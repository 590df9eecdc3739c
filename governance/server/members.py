"""The server's accounts as the applied settings want them: people by their address, and a service account for CI.

Nothing is deleted: who holds no role any more is deactivated, and what they made stays theirs. A first password or a
key is written to a file that its owner alone may read; it is in no log, argument or answer.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from environments import Platform
from environments.files import replace_file
from governance.access.recording import identity_of, strictest
from governance.access.roles import CI_PREFIX, Account
from governance.access.settings import SettingsInUse
from governance.audit import current_actor, locate, open_log
from governance.audit.events import AccountChange
from governance.server.api import Api
from governance.server.state import ASKED_NOTHING, Home, ServerError

Action = Literal["create", "reactivate", "deactivate", "rotate"]

DONE: Mapping[Action, str] = {
    "create": "created",
    "reactivate": "reactivated",
    "deactivate": "deactivated",
    "rotate": "rotated",
}
RETAIN_MINUTES = 60
"""How long a key goes on after it was rotated, so that a workflow that runs may end."""


@dataclass(frozen=True)
class Change:
    """One thing to do to one account."""

    action: Action
    account: Account
    reason: str

    def __str__(self) -> str:
        return f"{self.action} {self.account}: {self.reason}"


def wanted(platform: Platform, environments: Iterable[str]) -> dict[Account, str]:
    """Return who is to have an account because of ``environments``, and why.

    Raises:
        ServerError: the settings that were applied to one of them are not known.
    """
    in_use = SettingsInUse(platform.directory).refresh()
    applied, found = in_use.platform, dict[Account, str]()
    for environment in environments:
        if environment in in_use.closed:
            raise ServerError(f"No settings count in {environment}: {in_use.closed[environment]}.")
        found[Account(f"{CI_PREFIX}{environment}", is_service=True)] = f"CI of {environment}"
        for team in applied.teams.values():
            here = team.environments.get(environment)
            for address, role in sorted(here.members.items()) if here else ():
                found.setdefault(Account(address), f"{role} of {team.team} in {environment}")
    for address in applied.settings.administrators:
        found.setdefault(Account(address), "looks after the server")
    return found


def plan(platform: Platform, api: Api, environments: Iterable[str], *, rotate: bool = False) -> list[Change]:
    """Return what has to be done for the server's accounts to be those that are wanted.

    Raises:
        ServerError: the server refuses or does not answer, or an environment's settings are not known.
    """
    people = {Account(user["name"]): user for user in api.every("users")}
    services = {Account(one["name"], is_service=True): one for one in api.every("service_accounts")}
    there = people | services
    needed = wanted(platform, environments)
    changes = []
    for account, reason in needed.items():
        if account not in there:
            changes.append(Change("create", account, reason))
        elif not there[account]["body"]["active"]:
            changes.append(Change("reactivate", account, reason))
        elif rotate and account.is_service:
            changes.append(Change("rotate", account, f"a new key; the old one holds for {RETAIN_MINUTES} minutes"))
    staying = {Account(name) for name in _named(platform)} | needed.keys()
    changes += [
        Change("deactivate", account, "no file names them any more")
        for account, user in sorted(people.items(), key=lambda item: item[0].name)
        if "@" in account.name and account not in staying and user["body"]["active"]
    ]
    return changes


def _named(platform: Platform) -> Iterator[str]:
    """Yield everybody who holds a role, as applied or as the files have it now: whose role is on its way stays."""
    for known in (SettingsInUse(platform.directory).refresh().platform, platform):
        yield from known.settings.administrators
        for team in known.teams.values():
            for section in team.environments.values():
                yield from section.members


def apply(platform: Platform, api: Api, changes: Iterable[Change]) -> Iterator[tuple[Change, Path | None]]:
    """Do each of ``changes``, record it, and yield it with the file that holds what is to be handed over.

    Raises:
        ServerError: the server refuses or does not answer; what was done before stays, and is not done again.
        AuditError: the log cannot be written. Nothing is done before it is open.
    """
    environment = strictest(platform)
    log, where = open_log(platform, environment), locate(platform, environment)
    folder = Home.of(platform).folder / "handed-over"
    for change in changes:
        file = _done(api, change, folder)
        account = where.subjects().actor(identity_of(change.account))
        log.append(
            AccountChange(
                actor=current_actor(where), environment=environment, action=DONE[change.action], account=account.id
            )
        )
        yield change, file


def _done(api: Api, change: Change, folder: Path) -> Path | None:
    account = change.account
    if account.is_service:
        return _service(api, change, folder)
    path, what = f"users/{quote(account.name)}", str(account)
    if change.action == "deactivate":
        api(what, "PUT", f"{path}/deactivate")
        return None
    password, file = secrets.token_urlsafe(24), folder / f"{account.name}.txt"
    if change.action == "create":
        body = {"name": account.name, "password": password, "active": True, "is_admin": False, **ASKED_NOTHING}
        return _handed(api, file, password, account, lambda: api(what, "POST", "users", body))
    token = api(what, "PUT", f"{path}/deactivate")["body"]["activation_token"]
    body = {"activation_token": token, "password": password}
    return _handed(api, file, password, account, lambda: api(what, "PUT", f"{path}/activate", body))


def _handed(api: Api, file: Path, password: str, account: Account, act: Any) -> Path:
    """Write the password, then give it to the account: a process that is killed in between loses nobody's."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_file(file, f"{api.url}\nname: {account.name}\npassword: {password}\n", mode=0o600)
    try:
        act()
    except ServerError:
        file.unlink()
        raise
    return file


def _service(api: Api, change: Change, folder: Path) -> Path:
    name, what = change.account.name, str(change.account)
    path, file = f"service_accounts/{quote(name)}", folder / f"{name}.key"
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if change.action == "create":
        api(what, "POST", "service_accounts", {"name": name, "active": True})
    elif change.action == "reactivate":
        api(what, "PUT", path, {"active": True})
    account = api(what, "GET", path)
    keys = f"service_accounts/{account['id']}/api_keys"
    if any(key["name"] == KEY for key in api.every(keys)):
        body = {"retain_period_minutes": RETAIN_MINUTES if change.action == "rotate" else 0}
        made = api(what, "PUT", f"{keys}/{KEY}/rotate", body)
    else:
        made = api(what, "POST", keys, {"name": KEY})
    replace_file(file, made["body"]["key"], mode=0o600)
    return file


KEY = "ci"
"""The name of a service account's one key."""
