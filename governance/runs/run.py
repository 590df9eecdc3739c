"""Running a governed pipeline on its target's stack, and saying in our words how it ended."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from requests import RequestException
from zenml.client import Client
from zenml.enums import ExecutionStatus, StackComponentType
from zenml.logger import get_logger

from environments.errors import one_line
from governance.core.stacks import active_stack
from governance.core.store_files import failures_of
from governance.core.target import Target
from governance.cost.alert import tell_budget
from governance.cost.budget import check_budget
from governance.cost.labels import orchestrator_labels
from governance.cost.recording import METADATA_KEY as USAGE
from governance.records.context import context_of
from governance.runs.code_archive import use_code_of
from governance.runs.errors import RunBrokenError
from governance.runs.evidence import predictions_of
from governance.runs.following import is_no_answer
from governance.runs.govern import gates_of, govern
from governance.runs.outcome import require_success
from governance.runs.publication import NotPublishedError, publish_predictions
from governance.runs.record import RunRecord
from governance.runs.session import RunSession
from governance.runs.steps import executor_of
from governance.runs.trackers import missing_traces

if TYPE_CHECKING:
    from zenml.artifact_stores import BaseArtifactStore
    from zenml.models import PipelineRunResponse
    from zenml.pipelines.pipeline_definition import Pipeline

    from governance.runs.following import Follower

_logger = get_logger(__name__)

_packages_read_once = functools.cache(importlib.metadata.packages_distributions)


@contextmanager
def packages_known() -> Iterator[None]:
    """Let ZenML look up packages in memory: it reads the metadata of every installed one three times a run.

    None comes or goes while a process of ours works.
    """
    before = importlib.metadata.packages_distributions
    importlib.metadata.packages_distributions = _packages_read_once
    try:
        yield
    finally:
        importlib.metadata.packages_distributions = before


def run(
    pipeline: Pipeline, session: RunSession, *, version: str | None = None, **parameters: Any
) -> PipelineRunResponse:
    """Govern ``pipeline`` and run it on the stack of ``session``'s target with ``parameters``.

    Returns:
        The finished run.

    Raises:
        GateFailedError: a gate stopped the run.
        RunBrokenError: a step was killed or could not begin, or the run took too long; what went on was stopped.
        UngovernedPipelineError: the pipeline lacks what a gate judges; nothing was started.
        BudgetExceededError: the team's month is over its budget; nothing was started.
        StackMissingError: the target's stack is not registered.
        NotRecordedError: the audit log could not be written, or lacks an event that the run should have left.
    """
    target = session.target
    use_code_of()
    name = new_run_name(session, pipeline.name)
    governed = govern(pipeline, session, version=version).with_options(
        run_name=name, settings=orchestrator_labels(target, pipeline.name, name)
    )
    with active_stack(target.stack, target.project), packages_known():
        governed.prepare(**parameters)  # whatever is refused is refused before the log says that a run began
        return start_recorded(session, name, pipeline.name, gates_of(governed), lambda: governed(**parameters))


def new_run_name(session: RunSession, pipeline: str) -> str:
    """Return a name that no other run has."""
    return f"{pipeline}-{session.target.environment.environment}-{uuid4().hex[:12]}"


def start_recorded(
    session: RunSession,
    name: str,
    pipeline: str,
    gates: Sequence[str],
    start: Callable[[], PipelineRunResponse | None],
    snapshot: str | None = None,
) -> PipelineRunResponse:
    """Start a governed run within its team's budget and on record, on the active stack.

    Args:
        session: The model and environment.
        name: The run's name.
        pipeline: The pipeline's name.
        gates: What the run must pass.
        start: Starts it, and returns it; most orchestrators let it end before.
        snapshot: Digest of the frozen snapshot that it is started from.

    Returns:
        The run as it is then.

    Raises:
        BudgetExceededError: the team's month is over its budget; nothing was started.
        NotRecordedError: the audit log could not be written, or lacks an event that the run should have left.
    """
    target = session.target
    check_budget(target, pipeline, session.journal, run=name, overrides=session.overrides, observe=tell_budget)
    recorded = RunRecord(target, session.journal, name, pipeline)
    recorded.begin(gates, snapshot)
    follower = executor_of(target).follower()
    try:
        finished = follower.wait(_begun(start, follower))
        require_success(finished, follower)
    except BaseException as ended:
        _put_an_end_to(name, follower, ended)
        recorded.end(ended)
        raise
    recorded.end()
    if finished.status.is_successful:
        _publish(target, session, finished)
    _report_silent_observers(finished, target)
    return finished


def _publish(target: Target, session: RunSession, run: PipelineRunResponse) -> None:
    store = Client().active_stack.artifact_store
    try:
        if not publish_predictions(target, session.journal, run):
            _require_there(run, store)
    except RequestException:
        raise  # an OSError too, of ZenML's server
    except failures_of(store.path) as error:
        raise NotPublishedError(
            f"Run {run.name} passed and is on record, and what it predicted is not all public yet: the artifact store "
            f"does not answer ({type(error).__name__}: {one_line(error)}). Once it does, "
            f"`make collect ENV={target.environment.environment} MODEL={target.model}` publishes it."
        ) from error


def _require_there(run: PipelineRunResponse, store: BaseArtifactStore) -> None:
    """Go on if nothing waited to be published because ``run`` predicted nothing, or another process was first."""
    predictions = predictions_of(run)
    if predictions is not None and not store.exists(predictions.uri):
        raise NotPublishedError(
            f"Run {run.name} passed and is on record, and what it predicted neither waits to be published nor is at "
            f"{predictions.uri}: somebody removed it. Run it again."
        )


def _begun(start: Callable[[], PipelineRunResponse | None], follower: Follower) -> PipelineRunResponse:
    """Begin the run, and return it; most orchestrators let it end before.

    Raises:
        RunBrokenError: the orchestrator did not take it.
    """
    try:
        started = start()
    except follower.refusals() as error:
        raise RunBrokenError(f"The run was not taken: {one_line(error)}", reason="NotSubmitted") from error
    assert started is not None, "only a scheduled pipeline returns no run, and this one has no schedule"
    return Client().get_pipeline_run(started.id)


def _put_an_end_to(name: str, follower: Follower, ended: BaseException) -> None:
    """Stop the run of this name if it goes on although nobody waits for it any more, and say so.

    Where that cannot be done it is only said: how the run ended for us must be on record all the same.
    """
    try:
        _stop_if_it_goes_on(name, follower, ended)
    except (OSError, RunBrokenError, RuntimeError) as error:
        if not (isinstance(error, RunBrokenError) or is_no_answer(error)):
            raise
        _logger.warning(
            "Run %s may go on, and nothing of it will be published. Stop it by hand: %s",
            name,
            one_line(error),
        )


def _stop_if_it_goes_on(name: str, follower: Follower, ended: BaseException) -> None:
    found = Client().list_pipeline_runs(name=f"equals:{name}", size=1, hydrate=True).items
    if not found or found[0].status.is_finished:
        return
    interrupted = not isinstance(ended, Exception)
    if interrupted:
        _logger.warning("Stopping run %s.", name)
    follower.stop(found[0], ExecutionStatus.STOPPED if interrupted else ExecutionStatus.FAILED)


def _report_silent_observers(run: PipelineRunResponse, target: Target) -> None:
    """Warn of what hooks should have left and did not, as they cannot fail a run."""
    stack = Client().get_stack(target.stack)
    trackers = stack.components.get(StackComponentType.EXPERIMENT_TRACKER, [])
    missing = [key for key in ("owner", USAGE) if key not in run.run_metadata]
    missing += missing_traces(run, (tracker.flavor_name for tracker in trackers))
    if run.status.is_finished and context_of(run) is not None and missing:
        _logger.warning("Run %s ended without %s: a hook failed. See the run's logs.", run.name, ", ".join(missing))


def compiled_steps(
    pipeline: Pipeline, session: RunSession, *, version: str | None = None, **parameters: Any
) -> list[str]:
    """Return names of the steps that a governed run would have, gates included; nothing is started.

    Raises:
        UngovernedPipelineError: the pipeline lacks what a gate judges.
        StackMissingError: the target's stack is not registered.
    """
    use_code_of()
    governed = govern(pipeline, session, version=version)
    with active_stack(session.target.stack, session.target.project), packages_known():
        governed.prepare(**parameters)
    return list(governed.invocations)
