"""The interface of the server, for programs of an administrator: logged in once, with errors that say of whom."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import requests

from environments import Platform
from governance.server.state import Home, ServerError

ASK_SECONDS = 30
PAGE = 100
"""Objects of a list that are asked for at once."""


class Api:
    """Requests of one account.

    Args:
        url: of the server.
        login: form of the server's login, with a service account's key or somebody's name and password. It is exchanged
            for a token once: a key itself costs seconds a request.

    Raises:
        ServerError: the server does not answer, or does not take the login.
    """

    def __init__(self, url: str, login: Mapping[str, str]) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()
        given = self._ask("logging in", "POST", "login", data=dict(login))
        self._session.headers["Authorization"] = f"Bearer {given['access_token']}"

    def every(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield all objects of a list.

        Raises:
            ServerError: the server refuses or does not answer.
        """
        page = pages = 1
        while page <= pages:
            answer = self._ask(path, "GET", path, params={"page": page, "size": PAGE})
            yield from answer["items"]
            page, pages = page + 1, answer["total_pages"]

    def __call__(self, what: str, method: str, path: str, body: Any = None) -> Any:
        """Ask for a change of ``what``, and return the answer.

        Raises:
            ServerError: the server refuses or does not answer; ``what`` is named.
        """
        return self._ask(what, method, path, json=body)

    def _ask(self, what: str, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._session.request(method, f"{self.url}/api/v1/{path}", timeout=ASK_SECONDS, **more)
        except requests.RequestException as error:
            raise ServerError(
                f"{what}: the server does not answer at {self.url} ({type(error).__name__}). make server-status says "
                "what runs here; the same command goes on where this one ended."
            ) from error
        if not answer.ok:
            raise ServerError(f"{what}: the server {self.url} answers {answer.status_code}: {_said(answer)}")
        return answer.json() if answer.content else None


def _said(answer: requests.Response) -> str:
    try:
        detail = answer.json().get("detail")
    except (ValueError, AttributeError):
        detail = None
    return str(detail[-1] if isinstance(detail, list) and detail else detail or answer.reason)[:300]


def connect(platform: Platform) -> Api:
    """Log in at the server that ``ZENML_STORE_URL`` names, else at this checkout's own.

    Raises:
        ServerError: no server runs here, or it refuses the key.
    """
    url, key, name, password = (
        os.environ.get(f"ZENML_STORE_{what}") for what in ("URL", "API_KEY", "USERNAME", "PASSWORD")
    )
    if url and url.startswith("http"):
        if key:
            return Api(url, _by_key(key))
        if name and password:
            return Api(url, {"username": name, "password": password})
        raise ServerError(
            f"ZENML_STORE_URL names {url}: set ZENML_STORE_API_KEY to a key of an administrator's, or "
            "ZENML_STORE_USERNAME and ZENML_STORE_PASSWORD."
        )
    home = Home.of(platform)
    running = [service for service in home.services() if service.runs]
    if not running:
        raise ServerError("No server of this checkout runs: make server, or set ZENML_STORE_URL.")
    return Api(running[0].url, _by_key(home.key.read_text(encoding="utf-8")))


def _by_key(key: str) -> dict[str, str]:
    return {"grant_type": "zenml-api-key", "password": key}
