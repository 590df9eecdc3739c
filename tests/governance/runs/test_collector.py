"""A run that nobody waited for is in the log in the end, once, and believed only as far as two places agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import EndpointConnectionError
from zenml.client import Client
from zenml.execution.pipeline.utils import submit_pipeline
from zenml.models import PipelineRunResponse
from zenml.pipelines.run_utils import create_placeholder_run
from zenml.stack import Stack

from environments import CHECKOUT
from governance.audit import open_reader, select
from governance.audit.events import BatchPublication, Event, RunFailed, RunStarted
from governance.audit.query import Filter
from governance.cli import collection
from governance.core import clock
from governance.core.provenance import Provenance
from governance.core.stacks import active_stack
from governance.core.store_files import failures_of
from governance.core.target import Target
from governance.promotion.reconcile import reconcile
from governance.records import journal, run_outbox
from governance.records.journal import Journal, NotRecordedError
from governance.runs import deployment, jobs, record
from governance.runs.collector import collect, collect_recent
from governance.runs.errors import RunBrokenError
from governance.runs.govern import govern
from governance.runs.publication import NotPublishedError
from governance.runs.run import _publish
from governance.runs.session import RunSession
from pipelines.training import training_pipeline
from tests.governance.conftest import CANCER, Ground

CLEAN = Provenance(git_commit="c" * 40, git_dirty=False, lock_digest="d" * 64, started_by="ada")


@pytest.fixture(scope="module")
def dev(ground: Ground) -> Target:
    return ground.target("dev")


@pytest.fixture(scope="module")
def trained(dev: Target) -> PipelineRunResponse:
    return jobs.train(dev)


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "collect", lambda _: CLEAN)


def told(target: Target, run: str) -> list[Event]:
    """What the log says of a run, in order."""
    log = open_reader(target.platform, target.environment.environment)
    return [entry.event for entry in select(log, Filter(run=run))]


def _no_access(file: object) -> bytes:
    raise PermissionError("not yours")


def run_snapshot(target: Target, snapshot: str) -> PipelineRunResponse:
    """Run a snapshot as anybody can who has ZenML's client, past every command of ours."""
    kept = Client().get_snapshot(snapshot)
    with active_stack(target.stack):
        begun = create_placeholder_run(snapshot=kept)
        submit_pipeline(snapshot=kept, stack=Stack.from_model(Client().active_stack_model), placeholder_run=begun)
        return Client().get_pipeline_run(begun.id)


def deployed(target: Target) -> str:
    deployment.deploy(target)
    return str(Client().list_snapshots(name=f"equals:{target.model}-dev").items[0].id)


def test_a_run_of_a_snapshot_is_entered_once_with_who_began_it(
    ground: Ground,
    dev: Target,
    checkout: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = run_snapshot(dev, deployed(dev))
    assert told(dev, run.name) == []
    assert [found.outcome for found in collect(dev, dry_run=True).collected] == ["passed"]
    capsys.readouterr()
    collection.collect("dev", CANCER, settings=ground.settings, dry_run=True)
    assert capsys.readouterr().out == f"{run.name}: would be entered as passed\n"
    assert told(dev, run.name) == [], "a dry run writes nothing"
    with monkeypatch.context() as patch:
        patch.setattr(run_outbox.StoredFile, "read", _no_access)
        (finding,) = reconcile(dev).findings
        assert "cannot be used (PermissionError: not yours). Collect once it answers, as somebody who may" in finding
    now = clock.now()
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: now + timedelta(hours=dev.environment.audit.overdue_hours + 1))
        assert collect_recent(dev).collected == (), "it is older than a command looks back that is about something else"
    assert [(found.run, found.outcome) for found in collect_recent(dev).collected] == [(run.name, "passed")]
    events = told(dev, run.name)
    begun = events[0]
    assert isinstance(begun, RunStarted)
    assert (begun.started_by, begun.stack) == ("person", dev.stack)
    assert {event.actor.id for event in events} == {begun.actor.id}
    assert begun.actor.id != Journal(dev).actor.id, "ZenML's account, and not who deployed it"
    labels = {event.label for event in events}
    assert all(any(label.startswith(expected) for label in labels) for expected in begun.expects)
    collection.collect("dev", CANCER, settings=ground.settings)
    assert capsys.readouterr().out.endswith(f"{CANCER} in dev: every run is in the log.\n")
    assert told(dev, run.name) == events, "collected twice, entered once"
    with active_stack(dev.stack):
        assert run_outbox.pending(run.name) == []


def test_what_was_altered_where_it_waits_is_not_taken(dev: Target, checkout: None) -> None:
    run = run_snapshot(dev, deployed(dev))
    with active_stack(dev.stack):
        verdict = next(file for file in run_outbox.pending(run.name) if b"gate_verdict" in file.read())
        said = json.loads(verdict.read())
        Path(verdict.place).write_text(json.dumps({**said, "value": 123456.5}), encoding="utf-8")
        forged = {
            name: said[name] for name in ("actor", "environment", "cloud", "team", "model", "run", "time")
        } | {"kind": "promotion", "id": uuid4().hex, "promotion": "p", "step": "completed", "model_version": "1",
             "from_stage": "none", "to_stage": "staging"}  # fmt: skip
        (Path(verdict.place).parent / "forged.json").write_text(json.dumps(forged), encoding="utf-8")
    (found,) = collect(dev).collected
    assert found.outcome == "failed"
    assert f"a gate_verdict/{said['gate']}/{said['subject']} that differs from ZenML's" in found.reason
    assert "a promotion, which no step leaves" in found.reason
    events = told(dev, run.name)
    assert [event.error_type for event in events if isinstance(event, RunFailed)] == ["NotBelieved"]
    assert {event.kind for event in events}.isdisjoint({"promotion", "run_finished"})
    assert "123456.5" not in str([event.content() for event in events])


def test_what_the_log_did_not_see_deployed_counts_for_nothing(dev: Target, checkout: None) -> None:
    session = RunSession(dev)
    with active_stack(dev.stack):
        governed = govern(training_pipeline, session)
        governed.prepare(config=session.config)
        kept = governed.create_snapshot(name="past-deploy")
    run = run_snapshot(dev, str(kept.id))
    (found,) = collect(dev).collected
    assert found.reason == "It counts for nothing: no deployment of what it ran is in the log."
    assert [event.kind for event in told(dev, run.name)] == ["run_started", "run_failed"], "and none of its verdicts"


def test_a_killed_process_is_said_to_have_been_and_published_nothing(
    ground: Ground, dev: Target, trained: PipelineRunResponse
) -> None:
    del trained
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(ground.settings)],
        cwd=CHECKOUT,
        env={**os.environ, "ZENML_CUSTOM_SOURCE_ROOT": str(CHECKOUT)},
        check=False,
    )
    assert done.returncode == -9
    (found,) = collect(dev).collected
    assert found.reason == "Its process was gone before it ended."
    events = told(dev, found.run)
    kinds = [event.kind for event in events]
    assert (kinds.count("run_started"), kinds.count("run_failed")) == (1, 1), kinds
    assert "gate_verdict/input_quality" in {event.label.rpartition("/")[0] for event in events}, "what it left is kept"
    killed = Client().get_pipeline_run(found.run)
    assert killed.status.is_finished, "nor does ZenML say that it goes on"
    with active_stack(dev.stack):
        assert not (Path(Client().active_stack.artifact_store.path) / "predictions" / CANCER / str(killed.id)).exists()


_KILLED = f"""
import os, signal, sys
from pathlib import Path
from governance.core import provenance
provenance._uncommitted = lambda *_: []
from environments import load_platform
from governance.core.target import target_for
from governance.runs import jobs
sys.modules["pipelines.steps.predictor"].score = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
jobs.infer(target_for(load_platform(Path(sys.argv[1])), {CANCER!r}, "dev"))
"""


def test_predictions_wait_until_the_log_holds_that_their_run_passed(
    dev: Target, trained: PipelineRunResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    del trained

    class Died(BaseException):
        pass

    def dies(*_: object) -> None:
        raise Died

    monkeypatch.setattr("governance.runs.run.publish_predictions", dies)
    with pytest.raises(Died):
        jobs.infer(dev)
    run = Client().list_pipeline_runs(sort_by="desc:created", size=1).items[0]
    with active_stack(dev.stack):
        folder = Path(Client().active_stack.artifact_store.path) / "predictions" / CANCER
    assert not (folder / str(run.id)).exists()
    assert [file.name for file in (folder / "_pending" / str(run.id)).iterdir()] == ["predictions.parquet"]
    assert collect_recent(dev).published == (run.name,)
    assert [file.name for file in (folder / str(run.id)).iterdir()] == ["predictions.parquet"]
    assert [event.outcome for event in told(dev, run.name) if isinstance(event, BatchPublication)] == ["published"]
    assert collect(dev).published == ()


def test_what_a_run_left_is_entered_by_the_next_where_the_store_did_not_answer(
    dev: Target, trained: PipelineRunResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    del trained

    def away(*_: object) -> None:
        raise EndpointConnectionError(endpoint_url="http://store.example")

    with monkeypatch.context() as patch:
        patch.setattr(run_outbox, "pending", away)
        patch.setattr(record, "failures_of", lambda _: failures_of("s3://bucket"))
        with pytest.raises(NotRecordedError, match="the artifact store does not answer: Could not connect") as refused:
            jobs.infer(dev)
    assert f"`make collect ENV=dev MODEL={CANCER}` enters it" in str(refused.value)
    run = Client().list_pipeline_runs(sort_by="desc:created", size=1).items[0]
    (found,) = collect(dev).collected
    assert (found.run, found.outcome, found.published) == (run.name, "passed", True)


def test_a_failed_run_that_cannot_be_recorded_still_says_why_it_failed(
    dev: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise ConnectionError("no route to host")

    with active_stack(dev.stack), monkeypatch.context() as patch:
        broke = record.RunRecord(dev, Journal(dev), "run-of-a-store-that-went", "training_pipeline")
        broke.begin(["data quality"])
        patch.setattr(run_outbox, "enqueue", away)
        with pytest.raises(NotRecordedError) as refused:
            broke.end(RunBrokenError("Step model_trainer was killed.", reason="Killed", step="model_trainer"))
    first, second = str(refused.value).splitlines()
    assert first == "Step model_trainer was killed."
    assert second.startswith("What run run-of-a-store-that-went left could not be recorded: the artifact store does")
    (found,) = collect(dev).collected
    assert (found.run, found.outcome) == ("run-of-a-store-that-went", "failed")


def test_predictions_that_the_store_does_not_take_are_said_to_wait(
    dev: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr("governance.runs.run.publish_predictions", away)
    ended: Any = SimpleNamespace(name="night")
    with active_stack(dev.stack), pytest.raises(NotPublishedError, match="Run night passed and is on record, and"):
        _publish(dev, RunSession(dev), ended)


def test_a_run_that_was_never_submitted_is_reported_late_and_then_recorded(
    dev: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Journal(dev)
    log.write(log.event(RunStarted, run="lost-1", pipeline="training_pipeline", stack=dev.stack))
    assert collect(dev).collected == ()
    assert reconcile(dev, dry_run=True).findings == ()
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=dev.environment.audit.overdue_hours + 1))
    (finding,) = reconcile(dev, dry_run=True).findings
    assert finding.startswith(f"Run lost-1 of {CANCER} in dev began at ")
    (found,) = collect(dev).collected
    assert "it was never submitted, or was deleted there" in found.reason
    assert [event.kind for event in told(dev, "lost-1")] == ["run_started", "run_failed"]


def test_nothing_that_ran_past_make_passes_where_code_must_be_committed(ground: Ground, checkout: None) -> None:
    staging = ground.target("staging")
    run = run_snapshot(staging, _snapshot_in(staging))
    (found,) = collect(staging).collected
    assert found.run == run.name
    assert found.reason.startswith("It counts for nothing: it ran here past make")


def _snapshot_in(target: Target) -> str:
    deployment.deploy(target)
    return str(Client().list_snapshots(name=f"equals:{target.model}-{target.environment.environment}").items[0].id)
