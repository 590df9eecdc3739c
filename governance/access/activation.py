"""Activating an account, which asks nobody who they are: whoever was invited sets a password, and no other name."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ACTIVATION = re.compile(r"^/api/v1/users/[^/]+/activate/?$")


class KeepsOwnName:
    """Refuses an activation that renames: the name is whose role the account holds.

    Args:
        app: what is served behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http" or scope["method"] == "GET" or not _ACTIVATION.match(scope["path"]):
            await self._app(scope, receive, send)
            return
        from starlette.requests import Request
        from starlette.responses import JSONResponse

        body = await Request(scope, receive).body()
        if renames(body):
            detail = ["IllegalOperationError", "An invitation is for the name that it was made for."]
            await JSONResponse({"detail": detail}, status_code=403)(scope, receive, send)
            return
        given = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def replay() -> Message:
            return next(given, None) or await receive()

        await self._app(scope, replay, send)


def renames(body: bytes) -> bool:
    """Return whether ``body`` gives a name; one that cannot be read is refused by the route itself."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return False
    return isinstance(parsed, dict) and parsed.get("name") is not None
