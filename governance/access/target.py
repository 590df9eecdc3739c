"""The guarded server: ``uvicorn governance.access.target:app`` serves ZenML's own, with the guard before every route.

Read from the environment: ``GROUNDWORK_ACCESS_SETTINGS``, the folder of the settings (default: this checkout's), and
``GROUNDWORK_ACCESS_ADMINISTRATORS``, accounts that look after the server beside those in ``platform.yaml``, separated
by commas, service accounts as ``service:<name>``.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

IMPLEMENTATION = "governance.access.values.ValuesOfTheirOwn"

os.environ["ZENML_SERVER_RBAC_IMPLEMENTATION_SOURCE"] = IMPLEMENTATION

import zenml.zen_server.rbac.utils as rbac_utils  # noqa: E402


def _nobody_owns(_resource: object) -> bool:
    """Say that nobody owns anything: who made a thing has no rights in it but those of their role."""
    return False


# The routers take this name from the module when they are imported, which is below.
vars(rbac_utils)["is_owned_by_authenticated_user"] = _nobody_owns

import anyio.to_thread  # noqa: E402
from fastapi import HTTPException, Request, Security  # noqa: E402
from sqlmodel import Session  # noqa: E402
from zenml.zen_server import auth, zen_server_api  # noqa: E402
from zenml.zen_server.utils import zen_store  # noqa: E402

from environments import DIRECTORY, SettingsError  # noqa: E402
from governance.access.guard import Guard, SettingsInUse  # noqa: E402
from governance.access.recording import DecisionRecorder  # noqa: E402
from governance.access.roles import Account  # noqa: E402
from governance.access.routes import refuse_unguarded, routes_of  # noqa: E402
from governance.access.things import NotAllowedError  # noqa: E402

SETTINGS, ADMINISTRATORS = "GROUNDWORK_ACCESS_SETTINGS", "GROUNDWORK_ACCESS_ADMINISTRATORS"


def account_named(text: str) -> Account:
    """Return the account that ``text`` names: an address, or ``service:<name>``."""
    name = text.strip()
    return Account(name.removeprefix("service:"), name.startswith("service:"))


def account_of(user: Any) -> Account:
    """Return the account of a user of ZenML."""
    return Account(user.name, bool(user.is_service_account))


def _open_session() -> Session:
    return Session(zen_store().engine)


recorder = DecisionRecorder()
guard = Guard(
    SettingsInUse(Path(os.environ.get(SETTINGS) or DIRECTORY)),
    frozenset(account_named(text) for text in os.environ.get(ADMINISTRATORS, "").split(",") if text.strip()),
    _open_session,
    recorder.note,
)
_authenticate = auth.get_authorization_provider()


async def _authorize(
    request: Request, context: Annotated[auth.AuthContext, Security(_authenticate)]
) -> auth.AuthContext:
    """Let a request through that its account's roles allow; it has been shown by then whose it is."""
    user = context.user
    if not user.active:
        raise HTTPException(401, ["CredentialsNotValid", f"The account {user.name} is not active."])
    body = await request.body()
    template = getattr(request.scope["route"], "path", "")

    def check() -> None:
        guard.check(account_of(user), request.method, template, dict(request.path_params), body)

    try:
        await anyio.to_thread.run_sync(check)
    except NotAllowedError as error:
        raise HTTPException(403, ["IllegalOperationError", str(error)]) from error
    except SettingsError as error:
        raise HTTPException(503, ["RuntimeError", f"Nobody's role is known: {error}"]) from error
    return context


app = zen_server_api.app
refuse_unguarded(routes_of(app, auth.authorize))
app.dependency_overrides[auth.authorize] = _authorize

_lifespan: Callable[[Any], Any] = app.router.lifespan_context


@asynccontextmanager
async def _recording(served: Any) -> AsyncIterator[Any]:
    async with _lifespan(served) as state:
        recorder.start()
        try:
            yield state
        finally:
            recorder.close()


app.router.lifespan_context = _recording
