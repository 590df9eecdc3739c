"""A schedule is on record, follows the stage, and makes one batch for each time that it is due."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer import BadParameter
from zenml.client import Client
from zenml.config.schedule import Schedule
from zenml.models import PipelineRunResponse

from governance.audit import open_reader
from governance.audit.events import BatchPublication, RunFailed, RunStarted, ScheduleChanged
from governance.cli.schedules import schedule, schedules
from governance.core import clock
from governance.core.stacks import active_stack
from governance.core.target import Target
from governance.promotion import promote as promotion
from governance.promotion.promote import promote
from governance.promotion.reconcile import reconcile
from governance.promotion.rollback import rollback
from governance.records.schedule_records import in_force
from governance.runs import jobs
from governance.runs.collector import collect
from governance.runs.errors import RunBrokenError
from governance.runs.following import Follower
from governance.runs.govern import govern
from governance.runs.schedulers import ScheduleError
from governance.runs.schedules import delete_schedule, list_schedules, pause_schedule, set_schedule
from governance.runs.session import RunSession
from pipelines.batch_inference import batch_inference_pipeline
from stack_bootstrap.registration import unregister
from stack_bootstrap.registration.errors import RegistrationError
from tests.governance.conftest import CANCER, Ground
from tests.governance.runs.nightly import NightlyOrchestrator, fall, keep_schedules

NAME = f"{CANCER}-staging"


@pytest.fixture(scope="module")
def staging(ground: Ground) -> Target:
    """Version 1 in use in staging, on a stack that keeps schedules; version 2 in dev."""
    for _ in range(2):
        jobs.train(ground.target("dev"))
    target = ground.target("staging")
    promote(target, version="1")
    keep_schedules(target)
    return target


def changes(target: Target) -> list[ScheduleChanged]:
    log = open_reader(target.platform, target.environment.environment)
    return [entry.event for entry in log.entries() if isinstance(entry.event, ScheduleChanged)]


def batches(target: Target, run: PipelineRunResponse) -> list[BatchPublication]:
    log = open_reader(target.platform, target.environment.environment)
    return [
        entry.event
        for entry in log.entries()
        if isinstance(entry.event, BatchPublication) and entry.event.run == run.name
    ]


def is_public(target: Target, run: PipelineRunResponse) -> bool:
    with active_stack(target.stack):
        return (Path(Client().active_stack.artifact_store.path) / "predictions" / CANCER / str(run.id)).exists()


@pytest.mark.parametrize(
    ("cron", "time_zone", "words"),
    [
        ("every night", "UTC", "five fields are needed"),
        ("0 2 * * * *", "UTC", "five fields are needed"),
        ("0 2 * * *", "Europe/Zurch", "no such zone"),
    ],
)
def test_what_is_no_schedule_is_refused(ground: Ground, cron: str, time_zone: str, words: str) -> None:
    with pytest.raises(ScheduleError, match=words):
        set_schedule(ground.target("staging"), cron, time_zone)


def test_a_schedule_follows_what_is_in_use_and_makes_one_batch_for_each_night(
    ground: Ground, staging: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set_schedule(staging, "0 2 * * *", dry_run=True).action == "created"
    assert changes(staging) == []
    with pytest.raises(ScheduleError, match="schedules of nightly are due by UTC"):
        set_schedule(staging, "0 2 * * *", "Europe/Zurich")
    assert Client().list_schedules(is_archived=None).total == 0, "what could not be had as asked for is not left behind"

    assert set_schedule(staging, "0 2 * * *").action == "created"
    assert set_schedule(staging, "0 2 * * *").action == "unchanged"
    (created,) = changes(staging)
    assert (created.schedule, created.model_version, created.cron) == (NAME, "1", "0 2 * * *")
    schedules("staging", None, None, ground.settings, as_json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["schedule"], row["version"], row["paused"]) == (NAME, "1", False)
    assert reconcile(staging, dry_run=True).findings == ()

    first = fall(staging, created.zenml_schedule)
    assert not is_public(staging, first), "before the log knows"
    (found,) = collect(staging).collected
    assert (found.run, found.outcome, found.published) == (first.name, "passed", True)
    assert is_public(staging, first)
    (published,) = batches(staging, first)
    assert published.batch is not None
    assert (published.outcome, published.schedule, published.batch[11:16]) == ("published", NAME, "02:00")
    log = open_reader(staging.platform, "staging")
    began = next(e.event for e in log.entries() if isinstance(e.event, RunStarted) and e.event.run == first.name)
    assert (began.started_by, began.schedule) == ("schedule", NAME)

    again = fall(staging, created.zenml_schedule)
    (found,) = collect(staging).collected
    assert f"run {first.name} made the batch of {published.batch} already" in found.withheld
    assert not is_public(staging, again)
    assert [batch.outcome for batch in batches(staging, again)] == ["withheld"]
    assert collect(staging).published == (), "and stays so"

    with monkeypatch.context() as patch:
        patch.setattr(promotion, "follow_stage_or_say", lambda _: None)
        promote(staging, version="2")
    assert changes(staging)[-1] == created, "which could not be pointed at version 2"
    stale = fall(staging, created.zenml_schedule)
    (found,) = collect(staging).collected
    assert "it scored with version 1, and version 2 was in use when it began" in found.withheld
    assert not is_public(staging, stale)

    assert set_schedule(staging, "0 3 * * *").action == "changed"
    newest = changes(staging)[-1]
    assert (newest.action, newest.model_version) == ("changed", "2")
    assert Client().list_schedules().total == 1, "the one before is gone"
    second = fall(staging, newest.zenml_schedule)
    assert collect(staging).collected[0].published
    assert second.model_version is not None
    assert second.model_version.number == 2
    late = fall(staging, created.zenml_schedule)
    (found,) = collect(staging).collected
    assert (found.run, found.outcome) == (late.name, "failed")
    assert "its schedule is not in the log, or was paused, changed or deleted before it began" in found.reason

    rollback(staging, reason="drill", requested_by=ground.signatory("grace@example.com"))
    assert (changes(staging)[-1].action, changes(staging)[-1].model_version) == ("repointed", "1")
    promote(staging, version="2")
    assert (changes(staging)[-1].action, changes(staging)[-1].model_version) == ("repointed", "2")


def set_going(run: PipelineRunResponse, *, on: bool) -> None:
    """Have ZenML believe that ``run`` goes on, or that it ended well."""
    database = Client().zen_store.url.removeprefix("sqlite:///")  # type: ignore[attr-defined]
    with closing(sqlite3.connect(database)) as store, store:
        store.execute(
            "update pipeline_run set status = ?, in_progress = ? where id = ?",
            ("running" if on else "completed", on, run.id.hex),
        )


def test_a_night_that_goes_on_while_its_schedule_is_repointed_ends_with_what_it_began_with(
    ground: Ground, staging: Target, caplog: pytest.LogCaptureFixture
) -> None:
    grace = ground.signatory("grace@example.com")
    if RunSession(staging).release.version == "1":
        promote(staging, version="2")
    set_schedule(staging, "0 8 * * *")
    before = changes(staging)[-1]
    night = fall(staging, before.zenml_schedule)
    set_going(night, on=True)
    with caplog.at_level("WARNING"):
        rollback(staging, reason="drill", requested_by=grace)
    assert "goes on, and ends with what it began with" in caplog.text
    after = changes(staging)[-1]
    assert (after.action, after.model_version) == ("repointed", "1")
    assert {str(kept.id) for kept in Client().list_schedules().items} == {before.zenml_schedule, after.zenml_schedule}
    assert night.name in collect(staging).running
    assert reconcile(staging, dry_run=True).findings == (), "it is where it should be"

    set_going(night, on=False)
    (found,) = collect(staging).collected
    assert (found.run, found.outcome, found.published) == (night.name, "passed", True), found.reason
    (published,) = batches(staging, night)
    assert (published.outcome, published.model_version) == ("published", "2")
    assert [str(kept.id) for kept in Client().list_schedules().items] == [after.zenml_schedule]
    promote(staging, version="2")


def test_a_night_that_is_lost_where_it_ran_is_on_record_as_failed_and_ended_in_zenml(
    staging: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_schedule(staging, "30 8 * * *")
    night = fall(staging, changes(staging)[-1].zenml_schedule)
    set_going(night, on=True)
    lost = RunBrokenError("Step predictor was taken off its node.", reason="Disrupted", step="predictor")
    monkeypatch.setattr(Follower, "look", lambda *_: lost)
    assert night.name in collect(staging).running, "its pods may be starting"
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=20))
    (found,) = collect(staging).collected
    assert (found.run, found.outcome, found.reason) == (night.name, "failed", str(lost))
    log = open_reader(staging.platform, "staging")
    (failed,) = [e.event for e in log.entries() if isinstance(e.event, RunFailed) and e.event.run == night.name]
    assert (failed.error_type, failed.step) == ("Disrupted", "predictor")
    assert Client().get_pipeline_run(night.id).status.is_finished
    assert not is_public(staging, night)


def test_a_run_whose_pod_was_starting_when_its_schedule_was_replaced_counts_and_a_later_one_does_not(
    staging: Target,
) -> None:
    due = datetime(2026, 3, 1, 2, tzinfo=UTC)
    set_schedule(staging, "0 8 * * *")
    like = changes(staging)[-1]
    old = like.model_copy(update={"cron": "0 2 * * *", "zenml_schedule": "old", "time": due - timedelta(hours=1)})
    new = old.model_copy(update={"action": "repointed", "zenml_schedule": "new", "time": due + timedelta(seconds=3)})
    assert in_force([old, new], "old", due + timedelta(seconds=8)) == old
    assert in_force([old, new], "old", due + timedelta(minutes=11)) is None, "somebody began it by hand"
    assert in_force([old, new], "new", due + timedelta(seconds=8)) == new
    assert in_force([old], "old", due - timedelta(hours=2)) is None


def test_what_is_paused_begins_nothing_that_counts(
    ground: Ground, staging: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    set_schedule(staging, "0 4 * * *")
    with pytest.raises(BadParameter, match="Say one of CRON"):
        schedule(CANCER, "staging", pause=True, delete=True, settings=ground.settings)
    capsys.readouterr()
    schedule(CANCER, "staging", pause=True, settings=ground.settings, as_json=True)
    assert json.loads(capsys.readouterr().out)["paused"] is True
    assert pause_schedule(staging).action == "unchanged"
    paused = fall(staging, changes(staging)[-1].zenml_schedule)
    (found,) = collect(staging).collected
    assert (found.run, found.outcome) == (paused.name, "failed")
    assert pause_schedule(staging, resume=True).action == "resumed"
    assert [row.paused for row in list_schedules(staging)] == [False]


def test_reconcile_names_what_was_done_to_schedules_past_the_log(staging: Target) -> None:
    set_schedule(staging, "0 5 * * *")
    kept = changes(staging)[-1].zenml_schedule
    with active_stack(staging.stack):
        Client().update_schedule(kept, cron_expression="* * * * *")
        session = RunSession(staging)
        governed = govern(batch_inference_pipeline, session, version=session.release.version).with_options(
            schedule=Schedule(name="somebodys", cron_expression="0 1 * * *")
        )
        governed(**session.scoring_parameters, data=None)
    findings = reconcile(staging, dry_run=True).findings
    assert f"Schedule {NAME} was changed past the log: it is '0 5 * * *' there and '* * * * *' in ZenML." in findings
    assert any(found.startswith("Schedule somebodys is in ZenML and not in the log") for found in findings)
    Client().delete_schedule("somebodys")
    Client().delete_schedule(kept)
    (finding,) = reconcile(staging, dry_run=True).findings
    assert finding.startswith(f"Schedule {NAME} is in the log and not in ZenML")


def test_a_promotion_stands_and_a_leftover_is_named_where_the_orchestrator_does_not_answer(
    ground: Ground, staging: Target, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_schedule(staging, "30 5 * * *")
    before = changes(staging)[-1]
    with monkeypatch.context() as patch:
        patch.setattr(NightlyOrchestrator, "unanswered", frozenset({"submit", "update"}))
        with pytest.raises(ScheduleError, match=f"Schedule {NAME} is not paused: no route to host"):
            pause_schedule(staging)
        caplog.set_level("WARNING")
        rollback(staging, reason="drill", requested_by=ground.signatory("grace@example.com"))
    assert "still runs the version that was in use before" in caplog.text
    assert changes(staging)[-1] == before
    with monkeypatch.context() as patch:
        patch.setattr(NightlyOrchestrator, "unanswered", frozenset({"delete"}))
        with pytest.raises(ScheduleError, match="is not removed, and what it begins counts for nothing"):
            set_schedule(staging, "45 5 * * *")
    (finding,) = reconcile(staging, dry_run=True).findings
    assert "is in ZenML and not in the log, or no more: nothing that it begins counts" in finding
    assert before.zenml_schedule in finding
    Client().delete_schedule(before.zenml_schedule)
    assert reconcile(staging, dry_run=True).findings == ()
    promote(staging, version="2")


def test_a_night_of_which_no_run_is_known_is_on_record_as_missed(
    staging: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_schedule(staging, "0 6 * * *")
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=3))
    missed = collect(staging).missed
    assert len(missed) == 2
    assert all(text.startswith(f"{NAME} at ") and "T06:00" in text for text in missed)
    assert collect(staging).missed == (), "each once"


def test_a_stack_is_not_removed_under_its_schedules(ground: Ground, staging: Target) -> None:
    set_schedule(staging, "0 7 * * *")
    with pytest.raises(RegistrationError, match="keeps schedules, which would go on without it"):
        unregister(staging.environment, "local", confirm="staging", settings=ground.settings)
    delete_schedule(staging)
    assert list_schedules(staging) == []
    assert Client().list_schedules().total == 0
    with pytest.raises(ScheduleError, match="There is no schedule of"):
        delete_schedule(staging)


def test_a_stack_that_keeps_none_refuses_in_one_line(ground: Ground, staging: Target) -> None:
    del staging
    with pytest.raises(
        ScheduleError, match=r"Stack .* keeps no schedules: its orchestrator .* is of the flavor 'local'"
    ):
        set_schedule(ground.target("dev"), "0 2 * * *")
