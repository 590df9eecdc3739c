"""Where runs are tracked: each module is one flavor of ZenML's experiment trackers, behind one small interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

from zenml.client import Client

from governance.core.adapters import Adapters
from governance.core.errors import RefusedError
from governance.records.context import RunContext

if TYPE_CHECKING:
    from zenml.experiment_trackers import BaseExperimentTracker
    from zenml.models import PipelineRunResponse


class TrackerError(RefusedError):
    """A run cannot be tracked; the message says why."""


class Tracker(ABC):
    """One flavor of experiment trackers."""

    title: str
    """Its name in reports."""
    metadata_key: str
    """The run metadata key that holds the id under which it knows the run."""

    @abstractmethod
    def log_run(
        self, component: BaseExperimentTracker, run: PipelineRunResponse, context: RunContext, *, succeeded: bool
    ) -> None:
        """Log ``run``, with what it had measured by its end, to the stack's ``component``.

        Only the model of a run that succeeded is registered.
        """


TRACKERS: Adapters[Tracker] = Adapters(__name__, __path__)


def log_run(run: PipelineRunResponse, context: RunContext) -> None:
    """Log a run that succeeded, and register its model when it trained one. Errors as for :func:`log_failure`."""
    _log(run, context, succeeded=True)


def log_failure(run: PipelineRunResponse, context: RunContext) -> None:
    """Log a run that failed.

    Raises:
        TrackerError: the active stack has a tracker of a flavor that has no adapter.
    """
    _log(run, context, succeeded=False)


def missing_traces(run: PipelineRunResponse, flavors: Iterable[str]) -> list[str]:
    """Return what trackers of ``flavors`` should have left on ``run`` and did not: their metadata keys.

    A flavor that has no adapter is named itself: it leaves nothing.
    """
    keys = [TRACKERS[flavor].metadata_key if flavor in TRACKERS else flavor for flavor in flavors]
    return [key for key in keys if key not in run.run_metadata]


def trace_of(run: PipelineRunResponse) -> tuple[str, str] | None:
    """Return the title of the tracker that logged ``run`` and the id of the run there; ``None`` where none did."""
    for tracker in TRACKERS.values():
        if tracker.metadata_key in run.run_metadata:
            return tracker.title, str(run.run_metadata[tracker.metadata_key])
    return None


def _log(run: PipelineRunResponse, context: RunContext, *, succeeded: bool) -> None:
    component = Client().active_stack.experiment_tracker
    if component is None:
        return
    if component.flavor not in TRACKERS:
        raise TrackerError(
            f"The experiment tracker {component.name} is of the flavor {component.flavor!r}, which has no adapter, so "
            f"the run {run.name} is tracked nowhere. Choose one of: {', '.join(TRACKERS)}."
        )
    TRACKERS[component.flavor].log_run(component, run, context, succeeded=succeeded)
