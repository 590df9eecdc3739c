"""What the dashboard may load and ask: this server, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self' data:; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_NAME = b"content-security-policy"


class LoadsNothingFromOthers:
    """Puts :data:`POLICY` in place of ZenML's, which lets scripts of other companies run and send what they read.

    Such a script does what whoever is logged in may do. ZenML's own setting takes no policy: it cuts the quotes off
    each directive, without which ``'self'`` is the name of a host.

    Args:
        app: what is served behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [(name, value) for name, value in message.get("headers", ()) if name.lower() != _NAME]
                message = {**message, "headers": [*others, (_NAME, POLICY.encode())]}
            await send(message)

        await self._app(scope, receive, send_with_policy)
