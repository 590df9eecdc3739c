"""Compliance events of a run, each written exactly once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from zenml.client import Client

from governance.context import RunContext
from governance.store import create_once, path_in

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse


def record_once(run: PipelineRunResponse, context: RunContext, kind: str, **details: str) -> bool:
    """Write the event ``kind`` of ``run`` to the artifact store's ``governance/events``.

    A run ends once, so "run finished" and "run failed" share one file: whichever comes first is the event.

    Returns:
        Whether this call wrote it; ``False`` means that the run's end was recorded before.
    """
    store = Client().active_stack.artifact_store
    event = {
        "kind": kind,
        "time": datetime.now(UTC).isoformat(),
        "run": {"id": str(run.id), "name": run.name},
        "context": context.model_dump(mode="json"),
        **details,
    }
    path = path_in(store, "events", f"{run.id}.json")
    return create_once(store, path, json.dumps(event, indent=2, sort_keys=True).encode())
