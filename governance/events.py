"""What people did to models, written as events that are never changed.

One JSON object per event in the environment's artifact store, created once under a name that sorts by time.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from zenml.client import Client

from governance.run import active_stack
from governance.store import create_once, path_in
from governance.target import Target

Kind = Literal["promotion requested", "promotion refused", "promotion completed", "rollback completed"]


class ModelEvent(BaseModel):
    """One thing that happened to a model in an environment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    time: datetime
    environment: str
    team: str
    model: str
    version: str
    digest: str
    actor: str
    approvers: tuple[str, ...] = ()
    reason: str = ""


def append(target: Target, event: ModelEvent) -> None:
    """Write ``event`` durably before returning."""
    with active_stack(target.stack):
        store = Client().active_stack.artifact_store
        name = f"{event.time.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{uuid4().hex}.json"
        create_once(store, path_in(store, "models", target.model, name), event.model_dump_json(indent=2).encode())


def history(target: Target) -> list[ModelEvent]:
    """Every event of ``target``'s model in its environment, oldest first."""
    with active_stack(target.stack):
        store = Client().active_stack.artifact_store
        folder = path_in(store, "models", target.model)
        if not store.exists(folder):
            return []
        found = []
        for name in sorted(str(entry) for entry in store.listdir(folder)):
            if name.endswith(".json") and not name.startswith("."):
                with store.open(f"{folder}/{name}", "r") as file:
                    found.append(ModelEvent.model_validate(json.loads(file.read())))
        return sorted(found, key=lambda event: event.time)


def released_versions(target: Target) -> list[str]:
    """Versions in the order they were in use in ``target``'s environment, the current one last.

    A promotion puts a version on top; a rollback takes the top one away. So a second rollback goes further back
    instead of returning to the version that was just left.
    """
    stack: list[str] = []
    for event in history(target):
        if event.kind == "promotion completed" and (not stack or stack[-1] != event.version):
            stack.append(event.version)
        elif event.kind == "rollback completed":
            while stack and stack[-1] != event.version:
                stack.pop()
    return stack
