"""What a governed run carries with it, so that hooks know where they are without asking anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from environments.strict import StrictModel
from governance.audit.events import Actor, Event
from governance.core.provenance import Provenance

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

_Event = TypeVar("_Event", bound=Event)

KEY = "groundwork"
"""The key of a pipeline's ``extra`` configuration that holds the context."""


class RunContext(StrictModel):
    """Who owns a governed run, what it is for, and what it was made from."""

    environment: str
    cloud: str
    team: str
    owner: str
    cost_center: str
    model: str
    pipeline: str
    gates: tuple[str, ...]
    provenance: Provenance
    actor: Actor
    """Who started the run, as the audit log knows them."""

    def event(self, kind: type[_Event], run: PipelineRunResponse, **fields: object) -> _Event:
        """Return an event of ``kind`` about ``run``, in the name of whoever started it."""
        version = run.model_version
        return kind.model_validate(
            {
                "actor": self.actor,
                "environment": self.environment,
                "cloud": self.cloud,
                "team": self.team,
                "model": self.model,
                "model_version": str(version.number) if version else None,
                "pipeline": self.pipeline,
                "run": run.name,
                **self.provenance.in_log(),
                **fields,
            }
        )

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
    """Return the context a run was governed with, or None for a run that was not governed."""
    carried = run.config.extra.get(KEY)
    return RunContext.model_validate(carried) if carried is not None else None
