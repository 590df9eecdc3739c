"""An orchestrator that keeps schedules and lets a test say when night falls; its runs are ZenML's own local ones."""

from __future__ import annotations

from typing import Any, ClassVar

from urllib3.exceptions import HTTPError
from zenml.client import Client
from zenml.enums import StackComponentType
from zenml.execution.pipeline.utils import submit_pipeline
from zenml.models import PipelineRunResponse
from zenml.orchestrators import LocalOrchestrator, LocalOrchestratorConfig, SubmissionResult
from zenml.orchestrators.local.local_orchestrator import LocalOrchestratorFlavor
from zenml.pipelines.run_utils import create_placeholder_run
from zenml.stack import Stack, stack

from governance.core.stacks import active_stack
from governance.core.target import Target

_falling = False


class NightlyConfig(LocalOrchestratorConfig):
    @property
    def is_schedulable(self) -> bool:
        return True


class NightlyOrchestrator(LocalOrchestrator):
    unanswered: ClassVar[frozenset[str]] = frozenset()
    """What is not done with schedules when ZenML asks for it."""

    def submit_pipeline(self, snapshot: Any, *given: Any, **named: Any) -> SubmissionResult | None:
        if snapshot.schedule is not None and not _falling:
            return self._asked("submit")
        return super().submit_pipeline(snapshot, *given, **named)

    def update_schedule(self, schedule: Any, update: Any) -> None:
        self._asked("update")

    def delete_schedule(self, schedule: Any) -> None:
        self._asked("delete")

    def _asked(self, what: str) -> None:
        """Do nothing more: ZenML's own record is all there is."""
        if what in self.unanswered:
            raise HTTPError("no route to host")


class NightlyFlavor(LocalOrchestratorFlavor):
    @property
    def name(self) -> str:
        return "nightly"

    @property
    def config_class(self) -> type[LocalOrchestratorConfig]:
        return NightlyConfig

    @property
    def implementation_class(self) -> type[LocalOrchestrator]:
        return NightlyOrchestrator


def keep_schedules(target: Target) -> None:
    """Let the stack of ``target`` keep schedules."""
    client = Client()
    client.create_flavor(f"{__name__}.{NightlyFlavor.__name__}", StackComponentType.ORCHESTRATOR)
    made = client.create_stack_component("nightly", "nightly", StackComponentType.ORCHESTRATOR, configuration={})
    client.update_stack(target.stack, component_updates={StackComponentType.ORCHESTRATOR: [made.id]})
    # ZenML's client keeps both for as long as the process lives.
    stack._STACK_CACHE.clear()
    client._active_stack = None


def fall(target: Target, zenml_schedule: str) -> PipelineRunResponse:
    """Let the schedule with this id in ZenML be due now, whether or not it should be."""
    global _falling
    (snapshot,) = Client().list_snapshots(schedule_id=zenml_schedule, named_only=False).items
    snapshot = Client().get_snapshot(snapshot.id)
    _falling = True
    try:
        with active_stack(target.stack):
            begun = create_placeholder_run(snapshot=snapshot)
            submit_pipeline(
                snapshot=snapshot, stack=Stack.from_model(Client().active_stack_model), placeholder_run=begun
            )
    finally:
        _falling = False
    return Client().get_pipeline_run(begun.id)
