"""Steps in this process: they share what this machine has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from governance.runs.orchestrators import OrchestratorAdapter

if TYPE_CHECKING:
    from environments.model import RunLimits
    from pipelines.resources import StepResources


class _OnThisMachine(OrchestratorAdapter):
    def step_settings(self, asked: StepResources, limits: RunLimits, *, tries: int) -> dict[str, Any]:  # noqa: ARG002
        """See :meth:`OrchestratorAdapter.step_settings`; the config is for where the model runs in earnest."""
        return {}


ADAPTER = _OnThisMachine()
