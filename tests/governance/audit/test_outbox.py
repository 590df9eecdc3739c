"""What steps leave is recorded exactly once, and what gets lost on the way is noticed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from environments import PLATFORM, Platform, load_platform, names_for
from governance.audit import open_log
from governance.audit.errors import OutboxError, StoreError
from governance.audit.events import GateVerdict, RunFailed, RunFinished, RunMetrics, RunStarted
from governance.audit.expectations import find_gaps, missing_labels
from governance.audit.log import AuditLog
from governance.audit.outbox import Recorded, record_run
from governance.core.clock import now
from governance.core.target import target_for
from governance.records import run_outbox
from governance.records.journal import Journal
from governance.records.run_outbox import StoredFile, enqueue
from governance.runs.record import RunRecord
from pipelines.local_paths import UnsafeNameError
from tests.governance.audit.conftest import ACTOR, Place, event
from tests.governance.conftest import CANCER

COMMON: dict[str, Any] = {"actor": ACTOR, "environment": "dev", "run": "r1"}
EXPECTS = ("run_finished", "run_metrics", "gate_verdict/performance")


def _started(run: str = "r1") -> RunStarted:
    return RunStarted(**{**COMMON, "run": run}, pipeline="training_pipeline", expects=EXPECTS)


def _verdict(subject: str = "roc_auc") -> GateVerdict:
    return GateVerdict(**COMMON, gate="performance", subject=subject, verdict="passed")


def _fill() -> None:
    for one in (RunMetrics(**COMMON, metrics={"roc_auc": 0.9}), _verdict(), RunFinished(**COMMON)):
        assert enqueue(one)


def _record(log: AuditLog, run: str = "r1") -> Recorded:
    return record_run(run_outbox.pending(run), log, run)


@pytest.fixture(autouse=True)
def folder(place: Place, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the events of ``r1`` wait in the artifact store of the active stack."""
    from zenml.artifact_stores import LocalArtifactStore, LocalArtifactStoreConfig
    from zenml.enums import StackComponentType

    (place.root / "store").mkdir()
    store = LocalArtifactStore(
        name="store",
        id=uuid4(),
        config=LocalArtifactStoreConfig(path=str(place.root / "store")),
        flavor="local",
        type=StackComponentType.ARTIFACT_STORE,
        user=uuid4(),
        created=now(),
        updated=now(),
    )
    client = SimpleNamespace(active_stack=SimpleNamespace(artifact_store=store))
    monkeypatch.setattr(run_outbox, "Client", lambda: client)
    return place.root / "store" / "governance" / "spool" / "r1"


@pytest.fixture
def log(place: Place) -> AuditLog:
    return place.open()


def test_what_a_run_leaves_is_appended_in_the_order_of_its_time(log: AuditLog, folder: Path) -> None:
    log.append(_started())
    enqueue(RunFinished(**COMMON, time=now() + timedelta(seconds=1)))
    enqueue(RunMetrics(**COMMON, metrics={"roc_auc": 0.9}))
    enqueue(_verdict())
    recorded = _record(log)
    assert (recorded.missing, recorded.declared) == ((), True)
    kinds = [entry.event.kind for entry in log.entries()]
    assert kinds == ["run_started", "run_metrics", "gate_verdict", "run_finished"]
    assert not folder.exists()
    assert find_gaps(log.entries()) == []


def test_a_hook_that_fires_once_a_step_leaves_one_event(log: AuditLog) -> None:
    log.append(_started())
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(enqueue, [RunFinished(**COMMON, time=now()) for _ in range(10)]))
    assert sum(kept) == 1
    assert enqueue(_verdict("roc_auc"))
    assert enqueue(_verdict("recall")), "another subject is another event"
    assert not enqueue(_verdict("recall"))
    assert len(_record(log).receipts) == 3


def test_two_processes_that_record_one_run_at_once_record_it_once(
    settings_directory: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = target_for(load_platform(settings_directory), CANCER, "dev")
    names = names_for(PLATFORM, "dev", "local", target.environment.prefix)
    (target.folder.parent / Path(names.folder).name / "audit").mkdir(parents=True)
    run, both, append = "training_pipeline-dev-1", Barrier(2, timeout=1), AuditLog.append_many
    records = [RunRecord(target, Journal(target), run, "training_pipeline") for _ in range(2)]
    records[0].begin(())
    enqueue(Journal(target).event(RunFinished, run=run, pipeline="training_pipeline"))

    def append_together(log: AuditLog, events: Any) -> Any:
        with suppress(BrokenBarrierError):
            both.wait()  # without a lock both have read the log before either writes
        return append(log, events)

    monkeypatch.setattr(AuditLog, "append_many", append_together)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(RunRecord.end, records))
    kinds = [entry.event.kind for entry in Journal(target).log.entries()]
    assert kinds == ["run_started", "run_finished"]


def test_an_event_that_is_left_again_after_it_was_recorded_is_not_recorded_again(log: AuditLog) -> None:
    log.append(_started())
    _fill()
    _record(log)
    assert enqueue(RunFinished(**COMMON))
    again = _record(log)
    assert (again.receipts, again.missing, log.refresh()) == ((), (), 4)


@pytest.mark.parametrize("removed", [0, 1])
def test_recording_that_was_killed_before_it_cleaned_up_is_repeated_without_harm(
    log: AuditLog, place: Place, folder: Path, removed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(_started())
    _fill()
    remove, left = StoredFile.remove, iter(range(removed))

    def stop(file: StoredFile) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        remove(file)

    with monkeypatch.context() as patch:
        patch.setattr(StoredFile, "remove", stop)
        with pytest.raises(KeyboardInterrupt):
            _record(log)
    assert len(list(folder.iterdir())) == 3 - removed
    recorded = _record(place.open())
    assert (recorded.receipts, recorded.missing, recorded.declared) == ((), (), True)
    assert place.verify()["entries"] == 4
    assert not folder.exists()


def test_nothing_is_forgotten_while_the_log_is_away(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append(_started())
    _fill()

    def away(items: Any) -> int:
        raise StoreError("away")

    with monkeypatch.context() as patch:
        patch.setattr(log.store, "create_in_order", away)
        with pytest.raises(StoreError):
            _record(log)
    assert len(_record(log).receipts) == 3


def test_a_lost_event_is_noticed_now_and_later_in_the_log(log: AuditLog, folder: Path, place: Place) -> None:
    log.append(_started())
    _fill()
    (lost,) = (file for file in folder.iterdir() if b"run_metrics" in file.read_bytes())
    lost.unlink()
    assert _record(log).missing == ("run_metrics",)
    (gap,) = find_gaps(place.open().entries())
    assert (gap.run, gap.sequence, gap.missing, gap.ended) == ("r1", 0, ("run_metrics",), True)


def test_a_run_that_left_nothing_is_noticed(log: AuditLog) -> None:
    log.append(_started())
    assert _record(log).missing == EXPECTS
    (gap,) = find_gaps(log.entries())
    assert (gap.missing, gap.ended) == (EXPECTS, False)


def test_a_failed_run_owes_nothing_more(log: AuditLog) -> None:
    log.append(_started())
    enqueue(RunFailed(**COMMON, step="model_trainer", error_type="ValueError"))
    assert _record(log).missing == ()
    assert find_gaps(log.entries()) == []


def test_a_run_that_nobody_announced_is_noticed(log: AuditLog) -> None:
    _fill()
    recorded = _record(log)
    assert (len(recorded.receipts), recorded.declared) == (3, False)


@pytest.mark.parametrize(
    "held",
    [b'{"kind": "run_fin', b"[]", b"null", event(7).model_dump_json().encode()],
    ids=["cut off", "a list", "null", "of another run"],
)
def test_a_damaged_file_or_one_of_another_run_is_named_and_nothing_is_recorded(
    log: AuditLog, folder: Path, held: bytes
) -> None:
    log.append(_started())
    _fill()
    (folder / "other.json").write_bytes(held)
    with pytest.raises(OutboxError, match=r"r1/other\.json holds no waiting events"):
        _record(log)
    assert (len(list(folder.iterdir())), log.refresh()) == (4, 1)
    (folder / "other.json").unlink()
    assert len(_record(log).receipts) == 3


@pytest.mark.parametrize("run", ["../x", "/x"])
def test_a_runs_name_leads_nowhere_else(run: str) -> None:
    with pytest.raises(UnsafeNameError):
        enqueue(RunFinished(**COMMON).model_copy(update={"run": run}))


def test_what_runs_of_an_earlier_release_left_on_this_machine_is_recorded_once(
    platform: Platform, settings_directory: Path
) -> None:
    spool = settings_directory.parent / "ground" / "spool" / "dev"

    def left(run: str, content: str) -> Path:
        file = spool / run / "run_finished-0123456789abcdef.json"
        file.parent.mkdir(parents=True)
        file.write_text(content, encoding="utf-8")
        return file

    finished = left("r1", RunFinished(**COMMON).model_dump_json())
    damaged = left("r2", "{")
    (spool / ".lock").touch()
    target = target_for(platform, CANCER, "dev")
    for _ in range(2):
        RunRecord(target, Journal(target), "r3", "training_pipeline")._record_earlier()
    assert [entry.event.run for entry in open_log(platform, "dev").entries()] == ["r1"]
    assert (finished.parent.exists(), damaged.exists()) == (False, True)


def test_a_gate_is_seen_in_any_of_its_subjects() -> None:
    assert missing_labels(["gate_verdict/drift"], ["gate_verdict/drift/age"]) == ()
    assert missing_labels(["gate_verdict/drift"], ["gate_verdict/drifted"]) == ("gate_verdict/drift",)
