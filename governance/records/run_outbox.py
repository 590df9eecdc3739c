"""Compliance events of a run, each left exactly once for the audit log.

A step must not fail because the log is slow or away, and may run where the log cannot be reached. So events are left
in the artifact store, which every step can write, and `governance.runs.run` brings them into the log when the run is
over.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from zenml.client import Client

from governance.audit.canonical import canonical
from governance.audit.events import Event
from governance.core.store_files import create_once, path_in

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

FOLDER = "spool"
"""Where in the artifact store's ``governance`` folder events wait."""


def leave_once(run: PipelineRunResponse, event: Event) -> bool:
    """Leave ``event`` for the log; of several with one label only the first.

    Returns:
        Whether this call left it.
    """
    store = Client().active_stack.artifact_store
    name = f"{sha256(event.label.encode()).hexdigest()[:32]}.json"
    return create_once(store, path_in(store, FOLDER, run.name, name), canonical(event.content()))
