"""What a governed run carries with it, so that hooks know where they are without asking anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from governance.provenance import Provenance

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

KEY = "groundwork"
"""The key of a pipeline's ``extra`` configuration that holds the context."""


class RunContext(BaseModel):
    """Who owns a governed run, what it is for, and what it was made from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    environment: str
    cloud: str
    team: str
    owner: str
    cost_center: str
    model: str
    pipeline: str
    gates: tuple[str, ...]
    provenance: Provenance

    @property
    def tags(self) -> list[str]:
        """Tags of the run and of the model version."""
        return [
            "governed",
            f"environment:{self.environment}",
            f"team:{self.team}",
            f"owner:{self.owner}",
            f"cost_center:{self.cost_center}",
        ]


def context_of(run: PipelineRunResponse) -> RunContext | None:
    """The context a run was governed with, or ``None`` for a run that was not governed."""
    carried = run.config.extra.get(KEY)
    return RunContext.model_validate(carried) if carried is not None else None
