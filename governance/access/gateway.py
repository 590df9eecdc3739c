"""The same roles before another server's pages: whoever asks logs in as on ZenML's server, and each route is listed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import secrets
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio.to_thread
import requests

from governance.access.decisions import CONSEQUENCES, Decision
from governance.access.roles import ANYWHERE, Account, Scope
from governance.access.routes import OPEN, READING
from governance.access.settings import SettingsInUse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Send
    from starlette.types import Scope as Connection

    from environments import Platform

_log = logging.getLogger(__name__)

ASK_SECONDS = 30
MOST_LOGINS = 1_000
"""Tokens that are remembered for names and passwords."""

Rule = Callable[[str, str], tuple[str | None, str]]
"""Of method and path: the action that it takes, :data:`OPEN` or None for what nobody is served, and its name."""


class ServerAwayError(Exception):
    """ZenML's server does not answer, so nobody can show who they are."""


class NoRoleError(Exception):
    """ZenML's server knows the account, and refuses it everything."""


class Logins:
    """Asks ZenML's server whose a request is; by every request anew, so that who was deactivated is out.

    Args:
        url: of ZenML's server.
    """

    def __init__(self, url: str) -> None:
        self._api = f"{url.rstrip('/')}/api/v1"
        self._salt, self._tokens, self._lock = secrets.token_bytes(32), dict[bytes, str](), threading.Lock()

    def account(self, header: str) -> Account | None:
        """Return whose ``header`` (of authorization: a token, or name and password) is; None where it is nobody's.

        Raises:
            ServerAwayError: the server does not answer.
            NoRoleError: they are known, and hold no role.
        """
        kind, _, given = header.partition(" ")
        match kind.lower():
            case "bearer":
                return self._whose(given.strip())
            case "basic":
                return self._by_password(given.strip())
        return None

    def _by_password(self, given: str) -> Account | None:
        try:
            name, _, password = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        known_by = hmac.digest(self._salt, given.encode(), hashlib.sha256)  # no password stays in memory
        token = self._tokens.get(known_by)
        if token and (account := self._whose(token)):
            return account
        form = {"username": name, "password": password}
        if password.startswith("ZENKEY_"):  # a service account's
            form = {"grant_type": "zenml-api-key", "password": password}
        answer = self._ask("POST", "login", data=form)
        if not answer.ok:
            return None
        token = str(answer.json()["access_token"])
        account = self._whose(token)
        with self._lock:
            if len(self._tokens) >= MOST_LOGINS:
                self._tokens.clear()
            self._tokens[known_by] = token
        return account

    def _whose(self, token: str) -> Account | None:
        answer = self._ask("GET", "current-user", headers={"Authorization": f"Bearer {token}"})
        if answer.status_code == 403:
            raise NoRoleError
        if not answer.ok:
            return None
        user = answer.json()
        return Account(user["name"], bool(user["body"]["is_service_account"]))

    def _ask(self, method: str, path: str, **more: object) -> requests.Response:
        try:
            answer = requests.request(method, f"{self._api}/{path}", timeout=ASK_SECONDS, **more)  # type: ignore[arg-type]
        except requests.RequestException as error:
            raise ServerAwayError(str(error)) from error
        if answer.status_code >= 500:
            raise ServerAwayError(f"it answers {answer.status_code}")
        return answer


class Gateway:
    """Serves ``app`` to those whose roles allow what they ask.

    Args:
        app: what is served.
        logins: says who asks.
        settings: say which role they hold.
        scope: whose things are served; reading takes the role anywhere, as on ZenML's server.
        rule: says what each route takes.
        note: is told of denials, and of grants of consequence.
    """

    def __init__(
        self,
        app: ASGIApp,
        logins: Logins,
        settings: SettingsInUse,
        scope: Scope,
        rule: Rule,
        note: Callable[[Decision, Platform], None],
    ) -> None:
        self._app, self._logins, self._settings = app, logins, settings
        self._scope, self._rule, self._note = scope, rule, note

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        refused = None
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
            refused = await anyio.to_thread.run_sync(self._refuse, scope["method"], scope["path"], given)
        if refused is None:
            await self._app(scope, receive, send)
            return
        from starlette.responses import PlainTextResponse

        status, said = refused
        asks = {"WWW-Authenticate": 'Basic realm="Name and password of the platform"'} if status == 401 else {}
        await PlainTextResponse(said, status, asks)(scope, receive, send)

    def _refuse(self, method: str, path: str, given: str) -> tuple[int, str] | None:
        """Return status and reason of a refusal; None where the request is answered."""
        action, name = self._rule(method, path)
        if action == OPEN:
            return None
        try:
            account = self._logins.account(given) if given else None
        except ServerAwayError as error:
            _log.warning("Nobody can log in: ZenML's server does not answer: %s", error)
            return 503, "ZenML's server does not answer, so nobody can show who they are. Try again once it does."
        except NoRoleError:
            return 403, "This account holds no role that was applied: it may not see or change anything here."
        if account is None:
            return 401, "Log in by the name and password of the platform."
        in_use = self._settings.current()
        grants = in_use.grants(account)
        scope = ANYWHERE if action is not None and action.startswith("view") else self._scope
        allowed = action is not None and any(grant.allows(action, scope) for grant in grants)
        if not allowed or (action in CONSEQUENCES and method not in READING):
            decided = Decision(
                "granted" if allowed else "denied", account, grants, method, name, action or "unlisted", scope, None
            )
            self._note(decided, self._settings.declared)
        if allowed:
            return None
        if action is None:
            return 403, f"{method} {path} is not served."
        where = " of ".join(part for part in (scope.environment, scope.team) if part)
        return 403, f"{account} may not {action}{f' in {where}' if where else ''}: no applied role allows it."
