"""Hooks: they observe runs. What must stop a run is a gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zenml import get_step_context
from zenml.client import Client
from zenml.utils.time_utils import utc_now

from governance.audit.events import RunFailed, RunFinished
from governance.cost import recording
from governance.records import run_outbox
from governance.records.context import RunContext, context_of
from governance.runs import trackers
from governance.runs.hooks import monitoring, run_metadata

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

    Observer = Callable[[PipelineRunResponse, RunContext], None]


def run_succeeded() -> None:
    """Announce that the run succeeded. It is attached to the last step only, so it runs once."""
    run, context = _current()
    event = context.event(RunFinished, run, duration_seconds=_duration(run))
    if run_outbox.enqueue(event):
        _observe(
            run,
            context,
            run_metadata.log_provenance,
            recording.record_usage,
            monitoring.push_success,
            trackers.log_run,
        )


def run_failed(exception: BaseException) -> None:
    """Announce that the run failed: ZenML calls this for every step that fails, and the first call wins."""
    run, context = _current()
    step = get_step_context().step_run.name
    error_type = type(exception).__name__  # not its message, which may quote data
    event = context.event(RunFailed, run, step=step, error_type=error_type, duration_seconds=_duration(run))
    if run_outbox.enqueue(event):
        _observe(
            run,
            context,
            run_metadata.log_provenance,
            recording.record_usage,
            monitoring.push_failure,
            trackers.log_failure,
        )


def _current() -> tuple[PipelineRunResponse, RunContext]:
    # Read anew: the run in the step's context is as it was when the step started, without the gates' verdicts.
    run = Client().get_pipeline_run(get_step_context().pipeline_run.id)
    context = context_of(run)
    if context is None:
        raise RuntimeError(f"Run {run.name} was not started through governance.runs.govern.")
    return run, context


def _duration(run: PipelineRunResponse) -> float:
    """Return the seconds since the run started."""
    return max((utc_now() - (run.start_time or run.created)).total_seconds(), 0.0)


def _observe(run: PipelineRunResponse, context: RunContext, *observers: Observer) -> None:
    """Call every observer, even after one failed, and then fail with all that went wrong.

    ZenML logs what a hook raises and goes on; `governance.runs.run` reports observers that left no trace.
    """
    failures: list[Exception] = []
    for observer in observers:
        try:
            observer(run, context)
        except Exception as error:  # noqa: BLE001 - an observer may fail in any way; none may silence the next
            failures.append(error)
    if failures:
        reasons = "; ".join(f"{type(error).__name__}: {error}" for error in failures)
        raise ExceptionGroup(f"Observers of run {run.name} failed: {reasons}", failures)
