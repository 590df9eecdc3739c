"""A run elsewhere is followed to its end, told as the gate or step told it, and stopped if it must not go on."""

from __future__ import annotations

import logging
import time
from types import SimpleNamespace
from typing import Any

import pytest
from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.models import PipelineRunResponse
from zenml.orchestrators import PipelineSubmissionError

from environments.model import RunLimits
from governance.audit import open_reader, select
from governance.audit.events import RunFailed
from governance.audit.query import Filter
from governance.core.progress import StepEvent, watch_steps
from governance.core.stacks import active_stack
from governance.gates.result import GateFailedError
from governance.records.journal import Journal
from governance.runs import following, jobs
from governance.runs.errors import RunBrokenError
from governance.runs.following import Follower, mark_ended
from governance.runs.outcome import require_success
from governance.runs.record import RunRecord
from governance.runs.run import _begun, _put_an_end_to
from tests.conftest import edit_yaml
from tests.governance.conftest import Ground

LIMITS = RunLimits()


class Elsewhere:
    """An orchestrator that is asked nothing but to stop."""

    def __init__(self) -> None:
        self.stopped: list[str] = []

    def _stop_run(self, run: PipelineRunResponse, graceful: bool = True) -> None:
        self.stopped.append(run.name)


@pytest.fixture(scope="module")
def stopped_by_a_gate(ground: Ground) -> PipelineRunResponse:
    """A run that a gate stopped."""
    edit_yaml(ground.settings / "dev.yaml", lambda raw: raw["data_quality"].update(minimum_rows=10_000))
    with pytest.raises(GateFailedError):
        jobs.train(ground.target("dev"))
    edit_yaml(ground.settings / "dev.yaml", lambda raw: raw["data_quality"].update(minimum_rows=50))
    return Client().list_pipeline_runs(size=1, hydrate=True, sort_by="desc:created").items[0]


def follower() -> Follower:
    return Follower(Elsewhere(), LIMITS)  # type: ignore[arg-type]


def reopened(run: PipelineRunResponse, name: str) -> PipelineRunResponse:
    """Have ZenML believe that a run goes on."""
    import sqlite3

    database = Client().zen_store.url.removeprefix("sqlite:///")  # type: ignore[attr-defined]
    with sqlite3.connect(database) as store:
        store.execute("update step_run set status = 'running' where pipeline_run_id = ?", (run.id.hex,))
        store.execute(
            "update pipeline_run set status = 'running', in_progress = 1, name = ? where id = ?", (name, run.id.hex)
        )
        store.commit()
    return Client().get_pipeline_run(run.id)


def test_a_run_that_a_gate_stopped_is_told_by_the_gate(stopped_by_a_gate: PipelineRunResponse) -> None:
    with pytest.raises(GateFailedError, match=r"'data quality' stopped .* rows"):
        require_success(stopped_by_a_gate, follower())


def test_a_run_that_went_well_is_let_go_on(ground: Ground) -> None:
    require_success(jobs.train(ground.target("dev")), follower())


def test_a_step_that_failed_is_told_in_its_own_words_and_a_killed_one_in_the_clusters(
    stopped_by_a_gate: PipelineRunResponse,
) -> None:
    told = SimpleNamespace(traceback="Traceback\n  x\nbuiltins.ValueError: no such column", message=None)
    step = SimpleNamespace(status=ExecutionStatus.FAILED, exception_info=told)
    run: Any = SimpleNamespace(
        status=ExecutionStatus.FAILED, steps={"load": step}, run_metadata={}, config=stopped_by_a_gate.config, name="r"
    )
    with pytest.raises(RunBrokenError, match="Step load failed: ValueError: no such column") as failed:
        require_success(run, follower())
    assert (failed.value.reason, failed.value.step) == ("ValueError", "load")
    step.exception_info = None
    with pytest.raises(RunBrokenError, match="left no reason"):
        require_success(run, follower())

    class Knows(Follower):
        def explain(self, step: str) -> RunBrokenError | None:
            return RunBrokenError(f"Step {step} needed more memory.", reason="OOMKilled", step=step)

    with pytest.raises(RunBrokenError, match="Step load needed more memory"):
        require_success(run, Knows(Elsewhere(), LIMITS))  # type: ignore[arg-type]
    run.steps = {}
    with pytest.raises(RunBrokenError, match="ended as failed before a step said why"):
        require_success(run, follower())


def test_steps_are_told_once_each_while_a_run_is_waited_for(
    stopped_by_a_gate: PipelineRunResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_INTERVAL_SECONDS", 0.01)
    states = iter([ExecutionStatus.RUNNING, ExecutionStatus.RUNNING, ExecutionStatus.FAILED])
    steps = stopped_by_a_gate.steps

    class Twice(Follower):
        def refresh(self, run: PipelineRunResponse) -> Any:
            return SimpleNamespace(status=next(states), steps=steps, name="r", id=run.id)

    told: list[StepEvent] = []
    going_on: Any = SimpleNamespace(status=ExecutionStatus.RUNNING, id=None, name="r")
    with watch_steps(told.append):
        ended = Twice(Elsewhere(), LIMITS).wait(going_on)  # type: ignore[arg-type]
    assert ended.status == ExecutionStatus.FAILED
    assert {("data_loader", "finished"), ("validate_data_quality", "failed")} <= {(e.step, e.state) for e in told}
    assert len({(event.step, event.state) for event in told}) == len(told)


def test_a_run_that_cannot_go_on_or_takes_too_long_or_does_not_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "_INTERVAL_SECONDS", 0.01)
    going_on: Any = SimpleNamespace(status=ExecutionStatus.RUNNING, steps={}, name="r", id=None)
    clock = iter(range(0, 10_000_000, 50))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))

    class Same(Follower):
        broken: RunBrokenError | None = None
        away = False

        def refresh(self, run: PipelineRunResponse) -> Any:
            if self.away:
                raise ConnectionError("no route to host")
            return going_on

        def look(self, run: PipelineRunResponse) -> RunBrokenError | None:
            return self.broken

    stuck = Same(Elsewhere(), LIMITS)  # type: ignore[arg-type]
    stuck.broken = RunBrokenError("no node", reason="Unschedulable", step="train")
    with pytest.raises(RunBrokenError, match="no node"):
        stuck.wait(going_on)
    with pytest.raises(RunBrokenError, match=r"longer than 1440 minutes \(limits\.run_minutes"):
        Same(Elsewhere(), LIMITS).wait(going_on)  # type: ignore[arg-type]
    away = Same(Elsewhere(), LIMITS)  # type: ignore[arg-type]
    away.away = True
    with pytest.raises(RunBrokenError, match=r"may go on; nobody answers .*no route to host") as given_up:
        away.wait(going_on)
    assert given_up.value.reason == "Unreachable"


def test_what_is_dear_to_look_at_is_looked_at_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now, looked, refreshed = [0.0], list[float](), list[float]()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))

    class Dear(Follower):
        look_seconds = 3.0

        def refresh(self, run: PipelineRunResponse) -> Any:
            refreshed.append(now[0])
            return run

        def look(self, run: PipelineRunResponse) -> RunBrokenError | None:
            looked.append(now[0])
            return RunBrokenError("no node", reason="Unschedulable") if len(looked) == 3 else None

    going_on: Any = SimpleNamespace(status=ExecutionStatus.RUNNING, steps={}, name="r", id=None)
    with pytest.raises(RunBrokenError, match="no node"):
        Dear(Elsewhere(), LIMITS).wait(going_on)  # type: ignore[arg-type]
    assert looked == [0, 3, 6]
    assert refreshed == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("ended", "status"),
    [(KeyboardInterrupt(), ExecutionStatus.STOPPED), (RunBrokenError("x", reason="y"), ExecutionStatus.FAILED)],
)
def test_a_run_that_nobody_waits_for_any_more_is_stopped(
    ground: Ground, stopped_by_a_gate: PipelineRunResponse, ended: BaseException, status: ExecutionStatus
) -> None:
    name = f"interrupted-{status}"
    run = reopened(stopped_by_a_gate, name)
    assert not run.status.is_finished
    watched = follower()
    _put_an_end_to(name, watched, ended)
    now = Client().get_pipeline_run(run.id).status
    assert now.is_finished, status
    assert not now.is_successful
    assert watched.orchestrator.stopped == [name]  # type: ignore[attr-defined]
    _put_an_end_to(name, watched, ended)
    assert len(watched.orchestrator.stopped) == 1, "what ended is left alone"  # type: ignore[attr-defined]
    _put_an_end_to("never begun", watched, ended)


def test_how_a_run_ended_is_said_also_where_it_cannot_be_stopped(
    ground: Ground, stopped_by_a_gate: PipelineRunResponse, caplog: pytest.LogCaptureFixture
) -> None:
    class Unreachable(Follower):
        def stop(self, run: PipelineRunResponse, status: ExecutionStatus) -> None:
            raise ConnectionError("no route to host")

    reopened(stopped_by_a_gate, "out-of-reach")
    with caplog.at_level(logging.WARNING, "governance.runs.run"):
        _put_an_end_to("out-of-reach", Unreachable(Elsewhere(), LIMITS), KeyboardInterrupt())  # type: ignore[arg-type]
    assert "Run out-of-reach may go on, and nothing of it will be published" in caplog.text
    assert "no route to host" in caplog.text


def test_an_orchestrator_that_takes_no_run_is_told_in_one_line() -> None:
    def refused() -> PipelineRunResponse:
        raise PipelineSubmissionError("connection\n  refused")

    with pytest.raises(RunBrokenError, match="The run was not taken: connection refused") as broken:
        _begun(refused, follower())
    assert broken.value.reason == "NotSubmitted"


def test_the_log_says_which_step_broke_off_and_why(ground: Ground) -> None:
    target = ground.target("dev")
    with active_stack(target.stack):
        record = RunRecord(target, Journal(target), "run-that-broke", "training_pipeline")
        record.begin(["data quality"])
        record.end(RunBrokenError("Step model_trainer needed more.", reason="OOMKilled", step="model_trainer"))
    log = open_reader(target.platform, "dev")
    (failed,) = [e.event for e in select(log, Filter(run="run-that-broke")) if isinstance(e.event, RunFailed)]
    assert (failed.step, failed.error_type) == ("model_trainer", "OOMKilled")


def test_marking_a_run_as_ended_ends_its_steps(stopped_by_a_gate: PipelineRunResponse) -> None:
    run = reopened(stopped_by_a_gate, "marked")
    mark_ended(run, ExecutionStatus.STOPPED)
    now = Client().get_pipeline_run(run.id)
    assert now.status.is_finished
    assert not now.status.is_successful
    assert all(step.status.is_finished for step in now.steps.values())
