"""Following a run that goes on elsewhere: a line per step, and an end put to it if it must not go on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.logger import get_logger
from zenml.orchestrators import PipelineSubmissionError
from zenml.orchestrators.publish_utils import publish_pipeline_run_status_update, publish_step_run_status_update
from zenml.utils.run_utils import refresh_run_status

from governance.core.progress import StepEvent, StepState, tell_step
from governance.runs.errors import RunBrokenError

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse
    from zenml.orchestrators import BaseOrchestrator

    from environments.model import RunLimits

_logger = get_logger(__name__)

_INTERVAL_SECONDS = 1.0
_PATIENCE_SECONDS = 180.0
"""How long a server may be away before a run is given up: an upgrade takes less."""

_STATES: dict[ExecutionStatus, StepState] = {
    ExecutionStatus.COMPLETED: "finished",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.STOPPED: "failed",
}


class Follower:
    """Follows the runs of one orchestrator through ZenML alone."""

    look_seconds = 0.0
    """How long what was seen of the orchestrator holds, while a run goes on."""

    def __init__(self, orchestrator: BaseOrchestrator, limits: RunLimits) -> None:
        self.orchestrator, self.limits = orchestrator, limits
        self._told: set[tuple[str, StepState]] = set()

    def wait(self, run: PipelineRunResponse) -> PipelineRunResponse:
        """Return ``run`` once it ended, well or not, and say meanwhile how its steps go.

        Raises:
            RunBrokenError: it cannot go on, does not answer, or took longer than the environment allows.
        """
        if run.status.is_finished:  # the orchestrator waited itself
            return run
        began = answered = time.monotonic()
        looked = began - self.look_seconds
        while True:
            try:
                run = self.refresh(run)
                self._tell(run)
                if run.status.is_finished and self.is_over(run):
                    return run
                broken = None
                if not run.status.is_finished and time.monotonic() - looked >= self.look_seconds:
                    broken, looked = self.look(run), time.monotonic()
                answered = time.monotonic()
            except (OSError, RuntimeError) as error:
                if not is_no_answer(error):
                    raise
                if time.monotonic() - answered > _PATIENCE_SECONDS:
                    raise RunBrokenError(
                        f"Run {run.name} may go on; nobody answers for it since {_PATIENCE_SECONDS:.0f} s: {error}. "
                        "Once ZenML and its orchestrator answer, look at it there.",
                        reason="Unreachable",
                    ) from error
                broken = None
            if broken is not None:
                raise broken
            if time.monotonic() - began > self.limits.run_minutes * 60:
                raise RunBrokenError(
                    f"Run {run.name} took longer than {self.limits.run_minutes} minutes (limits.run_minutes of the "
                    "environment), so it was stopped.",
                    reason="DeadlineExceeded",
                )
            time.sleep(_INTERVAL_SECONDS)

    def refusals(self) -> tuple[type[Exception], ...]:
        """Return what is raised where the orchestrator does not take a run, or does not answer."""
        return (PipelineSubmissionError,)

    def refresh(self, run: PipelineRunResponse) -> PipelineRunResponse:
        """Return how ``run`` is now."""
        found = Client().get_pipeline_run(run.id)
        return found if found.status.is_finished else refresh_run_status(found)

    def look(self, run: PipelineRunResponse) -> RunBrokenError | None:  # noqa: ARG002 (of those who can see more)
        """Return why ``run`` cannot go on, if that is known before ZenML knows."""
        return None

    def is_over(self, run: PipelineRunResponse) -> bool:  # noqa: ARG002
        """Return whether nothing of a run that ended is left to be waited for."""
        return True

    def explain(self, step: str) -> RunBrokenError | None:  # noqa: ARG002
        """Return what is known of the end of ``step`` beyond what ZenML knows."""
        return None

    def stop(self, run: PipelineRunResponse, status: ExecutionStatus) -> None:
        """Put an end to ``run``: whatever it still does is not wanted any more.

        Args:
            run: one that goes on.
            status: what ZenML is to say of it from now on.
        """
        mark_ended(run, status)
        try:
            self.orchestrator._stop_run(run, graceful=False)
        except NotImplementedError:
            _logger.warning("%s cannot stop a run. See to run %s there.", type(self.orchestrator).__name__, run.name)

    def tidy(self, run: PipelineRunResponse) -> None:
        """Remove what ``run``, which ended and which nobody waited for, was to remove itself."""

    def _tell(self, run: PipelineRunResponse) -> None:
        for name, step in run.steps.items():
            state = _STATES.get(step.status)
            if state is None or (name, state) in self._told:
                continue
            self._told.add((name, state))
            ran = (step.end_time - step.start_time).total_seconds() if step.end_time and step.start_time else None
            tell_step(StepEvent(name, state, "" if ran is None else f"{ran:.1f}s"))


def is_no_answer(error: Exception) -> bool:
    """Return whether ``error`` says that somebody does not answer, now, rather than that something is wrong."""
    # OSError is what requests and our adapters raise; ZenML's client has no better word for a server's own trouble.
    return isinstance(error, OSError) or (type(error) is RuntimeError and "HTTP Error received" in str(error))


def mark_ended(run: PipelineRunResponse, status: ExecutionStatus) -> None:
    """Have ZenML say of ``run``, and of its steps that go on, that they ended with ``status``.

    From then on its steps publish nothing; once all ended, ZenML refuses the run's token.
    """
    # ZenML takes a run whose steps go on for a running one, whatever it is told, unless it is stopping.
    stopping = ExecutionStatus.STOPPING if status == ExecutionStatus.STOPPED else status
    publish_pipeline_run_status_update(run.id, stopping)
    for step in Client().get_pipeline_run(run.id).steps.values():
        if not step.status.is_finished:
            publish_step_run_status_update(step.id, status)
