"""A tracker's page with the platform's roles: ``uvicorn governance.server.trackers.mlflow_target:app``.

See :func:`governance.server.trackers.mlflow.page_variables` for what it reads from the environment, beside what the
guarded ZenML server reads.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mlflow.server.fastapi_app import app as pages

from governance.access.gateway import Gateway, Logins
from governance.access.recording import DecisionRecorder
from governance.access.roles import Scope
from governance.access.settings import Refresher, from_variables
from governance.server.trackers.mlflow import OWNER, SERVER, rule

_team, _, _environment = os.environ[OWNER].partition("/")
_settings, _recorder = from_variables(os.environ), DecisionRecorder()
_refresher = Refresher(_settings)
_lifespan = pages.router.lifespan_context


@asynccontextmanager
async def _recording(served: Any) -> AsyncIterator[Any]:
    async with _lifespan(served) as state:
        _recorder.start()
        _refresher.start()
        try:
            yield state
        finally:
            _refresher.close()
            _recorder.close()


pages.router.lifespan_context = _recording
app = Gateway(pages, Logins(os.environ[SERVER]), _settings, Scope(_team, _environment), rule, _recorder.note)
