"""The base of every model of a config or an artifact."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Frozen, and refuses a key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
