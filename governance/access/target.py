"""The guarded server: ``uvicorn governance.access.target:app`` serves ZenML's own, with the guard before every route.

What it reads from the environment says :func:`governance.access.settings.from_variables`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

IMPLEMENTATION = "governance.access.values.ValuesOfTheirOwn"

os.environ["ZENML_SERVER_RBAC_IMPLEMENTATION_SOURCE"] = IMPLEMENTATION

import zenml.zen_server.rbac.utils as rbac_utils  # noqa: E402


def _nobody_owns(_resource: object) -> bool:
    """Say that nobody owns anything: who made a thing has no rights in it but those of their role."""
    return False


def _as_it_is(answer: Any) -> Any:
    """Return ``answer`` whole: who may see a part of it was decided with its route, and ZenML's walk finds the same."""
    return answer


# The routers take these names from their modules when they are imported, which is at the bottom.
vars(rbac_utils)["is_owned_by_authenticated_user"] = _nobody_owns
for walk in ("dehydrate_page", "dehydrate_response_model", "dehydrate_response_model_batch"):
    vars(rbac_utils)[walk] = _as_it_is

import anyio.to_thread  # noqa: E402
from fastapi import HTTPException, Request, Security  # noqa: E402
from sqlmodel import Session  # noqa: E402
from zenml.zen_server import auth  # noqa: E402
from zenml.zen_server.utils import rbac, zen_store  # noqa: E402

from environments import SettingsError  # noqa: E402
from governance.access.activation import KeepsOwnName  # noqa: E402
from governance.access.guard import Guard  # noqa: E402
from governance.access.pages import LoadsNothingFromOthers  # noqa: E402
from governance.access.recording import DecisionRecorder  # noqa: E402
from governance.access.roles import Account  # noqa: E402
from governance.access.routes import READING, refuse_unguarded, routes_of  # noqa: E402
from governance.access.settings import Refresher, from_variables  # noqa: E402
from governance.access.things import NotAllowedError  # noqa: E402
from governance.access.values import OF_EVERY_TEAM, ValuesOfTheirOwn  # noqa: E402


def account_of(user: Any) -> Account:
    """Return the account of a user of ZenML."""
    return Account(user.name, bool(user.is_service_account))


def _open_session() -> Session:
    return Session(zen_store().engine)


recorder = DecisionRecorder()
settings = from_variables(os.environ)
refresher = Refresher(settings)
guard = Guard(settings, _open_session, recorder.note)
_authenticate = auth.authorize


async def _authorize(
    request: Request, context: Annotated[auth.AuthContext, Security(_authenticate)]
) -> auth.AuthContext:
    """Let a request through that its account's roles allow; it has been shown by then whose it is."""
    user = context.user
    if not user.active:
        raise HTTPException(401, ["CredentialsNotValid", f"The account {user.name} is not active."])
    body = await request.body()
    template = getattr(request.scope["route"], "path", "")
    lists_all = request.method in READING and template in OF_EVERY_TEAM

    def check() -> None:
        guard.check(account_of(user), request.method, template, dict(request.path_params), body)
        if lists_all:
            ours = rbac()
            assert isinstance(ours, ValuesOfTheirOwn), IMPLEMENTATION
            ours.require_listed(user, template, request.query_params)

    try:
        if guard.is_quick(request.method, template) and not lists_all:
            check()
        else:
            await anyio.to_thread.run_sync(check)
    except NotAllowedError as error:
        raise HTTPException(403, ["IllegalOperationError", str(error)]) from error
    except SettingsError as error:
        raise HTTPException(503, ["RuntimeError", f"Nobody's role is known: {error}"]) from error
    return context


# In ZenML's place and not by FastAPI's dependency_overrides: with any of these it reads the signature of every function
# that a route depends on anew at each request, which costs more than the guard does.
vars(auth)["authorize"] = _authorize

from zenml.zen_server import zen_server_api  # noqa: E402

app = zen_server_api.app
app.add_middleware(KeepsOwnName)
app.add_middleware(LoadsNothingFromOthers)
refuse_unguarded(routes_of(app, _authorize))

_lifespan: Callable[[Any], Any] = app.router.lifespan_context


@asynccontextmanager
async def _recording(served: Any) -> AsyncIterator[Any]:
    async with _lifespan(served) as state:
        recorder.start()
        refresher.start()
        try:
            yield state
        finally:
            refresher.close()
            recorder.close()


app.router.lifespan_context = _recording
