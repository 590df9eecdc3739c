"""The base of every model that reads what people or programs wrote."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Frozen, and refuses a key it does not know."""

    # Built on first use: a command pays for the models that it reads, not for all that are imported.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
