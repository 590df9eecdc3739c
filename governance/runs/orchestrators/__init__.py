"""What differs by what runs the steps: how they are told what they may use, and how a run is followed and stopped.

Each module is one flavour of ZenML's orchestrators; one that has no module is given ZenML's own settings, and is asked
through ZenML alone how a run goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from governance.core.adapters import Adapters
from governance.core.errors import RefusedError
from governance.runs.following import Follower

if TYPE_CHECKING:
    from zenml.orchestrators import BaseOrchestrator

    from environments.model import RunLimits
    from pipelines.resources import StepResources


class ResourcesError(RefusedError):
    """A step asks for what the environment does not allow, or its orchestrator cannot give."""


class OrchestratorAdapter:
    """One flavour of orchestrators, as far as ZenML's own settings reach."""

    def run_settings(self, limits: RunLimits) -> dict[str, Any]:  # noqa: ARG002 (ZenML has none of its own)
        """Return ZenML's settings of a run, by their keys."""
        return {}

    def step_settings(self, asked: StepResources, limits: RunLimits, *, tries: int) -> dict[str, Any]:  # noqa: ARG002
        """Return ZenML's settings of one step, by their keys.

        Args:
            asked: what its model's config asks for.
            limits: of the environment.
            tries: how often it may be tried again after it failed.

        Raises:
            ResourcesError: the orchestrator cannot give it.
        """
        for name in ("placement", "deadline_minutes"):
            if getattr(asked, name) is not None:
                raise ResourcesError(f"{name}: the stack's orchestrator knows none for a single step; leave it out")
        given = {
            "cpu_count": asked.cpu,
            "memory": asked.memory and f"{asked.memory}B",
            "gpu_count": asked.accelerators,
        }
        found = {name: value for name, value in given.items() if value is not None}
        return {"resources": found} if found else {}

    def tries(self, retries: int) -> int:
        """Return how often ZenML's server must let a step begin again so that ``retries`` are possible."""
        return retries

    def follower(self, orchestrator: BaseOrchestrator, limits: RunLimits) -> Follower:
        """Return what follows runs of ``orchestrator``, and stops them."""
        return Follower(orchestrator, limits)


_OF_ZENML = OrchestratorAdapter()
ORCHESTRATORS: Adapters[OrchestratorAdapter] = Adapters(__name__, __path__)


def adapter_of(flavor: str) -> OrchestratorAdapter:
    """Return how orchestrators of ``flavor`` are used."""
    return ORCHESTRATORS.get(flavor, _OF_ZENML)


def merge_settings(*settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return all ``settings`` in one; where two say something of the same, the later one holds."""
    merged: dict[str, Any] = {}
    for one in settings:
        for key, value in one.items():
            before = merged.get(key)
            merged[key] = (
                merge_settings(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
            )
    return merged
