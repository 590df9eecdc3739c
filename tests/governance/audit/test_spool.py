"""What steps leave is appended exactly once, and what gets lost on the way is noticed."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from governance.audit.errors import SpoolError, StoreError
from governance.audit.events import GateVerdict, RunFailed, RunFinished, RunMetrics, RunStarted
from governance.audit.expectations import find_gaps, missing_labels
from governance.audit.log import AuditLog
from governance.audit.spool import Spool
from governance.core.clock import now
from tests.governance.audit.conftest import ACTOR, Place, event

COMMON: dict[str, Any] = {"actor": ACTOR, "environment": "dev", "run": "r1"}
EXPECTS = ("run_finished", "run_metrics", "gate_verdict/performance")


def _started(run: str = "r1") -> RunStarted:
    return RunStarted(**{**COMMON, "run": run}, pipeline="training_pipeline", expects=EXPECTS)


def _verdict(subject: str = "roc_auc") -> GateVerdict:
    return GateVerdict(**COMMON, gate="performance", subject=subject, verdict="passed")


def _fill(spool: Spool) -> None:
    assert spool.put(RunMetrics(**COMMON, metrics={"roc_auc": 0.9}))
    assert spool.put(_verdict())
    assert spool.put(RunFinished(**COMMON))


@pytest.fixture
def spool(place: Place) -> Spool:
    return Spool(place.root / "spool")


@pytest.fixture
def log(place: Place) -> AuditLog:
    return place.open()


def test_what_a_run_leaves_is_appended_in_the_order_of_its_time(spool: Spool, log: AuditLog) -> None:
    log.append(_started())
    spool.put(RunFinished(**COMMON, time=now() + timedelta(seconds=1)))
    spool.put(RunMetrics(**COMMON, metrics={"roc_auc": 0.9}))
    spool.put(_verdict())
    assert spool.runs() == ["r1"]
    drained = spool.drain(log, "r1")
    assert drained.complete
    assert [entry.event.kind for entry in log.entries()] == [
        "run_started",
        "run_metrics",
        "gate_verdict",
        "run_finished",
    ]
    assert spool.runs() == []
    assert find_gaps(log.entries()) == []


def test_a_hook_that_fires_once_a_step_leaves_one_event(spool: Spool, log: AuditLog) -> None:
    log.append(_started())
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(spool.put, [RunFinished(**COMMON, time=now()) for _ in range(10)]))
    assert sum(kept) == 1
    assert spool.put(_verdict("roc_auc"))
    assert spool.put(_verdict("recall")), "another subject is another event"
    assert not spool.put(_verdict("recall"))
    assert len(spool.drain(log, "r1").receipts) == 3


def test_the_same_event_spooled_again_after_it_was_drained_is_not_appended_again(spool: Spool, log: AuditLog) -> None:
    log.append(_started())
    _fill(spool)
    spool.drain(log, "r1")
    assert spool.put(RunFinished(**COMMON))
    again = spool.drain(log, "r1")
    assert (again.receipts, again.complete, log.refresh()) == ((), True, 4)


@pytest.mark.parametrize("keep", ["files", "some files"])
def test_a_drain_that_was_killed_before_it_cleaned_up_is_repeated_without_harm(
    spool: Spool, log: AuditLog, place: Place, keep: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(_started())
    _fill(spool)
    removed: list[object] = []
    real = os.unlink

    def stop(path: Any, **options: Any) -> None:
        if "spool/r1" in str(path):
            if keep == "files" or removed:
                raise KeyboardInterrupt
            removed.append(path)
        real(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", stop)
        with pytest.raises(KeyboardInterrupt):
            spool.drain(log, "r1")
    drained = Spool(place.root / "spool").drain(place.open(), "r1")
    assert (drained.receipts, drained.complete) == ((), True)
    assert place.verify()["entries"] == 4
    assert Spool(place.root / "spool").runs() == []


def test_nothing_leaves_the_spool_while_the_log_is_away(
    spool: Spool, log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(_started())
    _fill(spool)

    def away(items: Any) -> int:
        raise StoreError("away")

    with monkeypatch.context() as patch:
        patch.setattr(log.store, "create_in_order", away)
        with pytest.raises(StoreError):
            spool.drain(log, "r1")
    assert spool.runs() == ["r1"]
    assert spool.drain(log, "r1").complete


def test_a_lost_event_is_noticed_by_the_drain_and_later_in_the_log(spool: Spool, log: AuditLog, place: Place) -> None:
    log.append(_started())
    _fill(spool)
    (lost,) = (place.root / "spool" / "r1").glob("run_metrics-*")
    lost.unlink()
    drained = spool.drain(log, "r1")
    assert (drained.complete, drained.missing) == (False, ("run_metrics",))
    (gap,) = find_gaps(place.open().entries())
    assert (gap.run, gap.sequence, gap.missing, gap.ended) == ("r1", 0, ("run_metrics",), True)


def test_a_run_that_left_nothing_is_noticed(spool: Spool, log: AuditLog) -> None:
    log.append(_started())
    assert spool.drain(log, "r1").missing == EXPECTS
    (gap,) = find_gaps(log.entries())
    assert (gap.missing, gap.ended) == (EXPECTS, False)


def test_a_failed_run_owes_nothing_more(spool: Spool, log: AuditLog) -> None:
    log.append(_started())
    spool.put(RunFailed(**COMMON, step="model_trainer", error_type="ValueError"))
    assert spool.drain(log, "r1").complete
    assert find_gaps(log.entries()) == []


def test_a_run_that_nobody_announced_is_noticed(spool: Spool, log: AuditLog) -> None:
    _fill(spool)
    drained = spool.drain(log, "r1")
    assert (len(drained.receipts), drained.declared, drained.complete) == (3, False, False)


def test_a_damaged_or_foreign_file_is_kept_and_named(spool: Spool, log: AuditLog, place: Place) -> None:
    log.append(_started())
    _fill(spool)
    folder = place.root / "spool" / "r1"
    (folder / "half.json").write_text('{"kind": "run_fin', encoding="utf-8")
    (folder / "other.json").write_text(event(7).model_dump_json(), encoding="utf-8")
    drained = spool.drain(log, "r1")
    assert (drained.damaged, drained.missing, drained.complete) == (("r1/half.json", "r1/other.json"), (), False)
    assert sorted(path.name for path in folder.iterdir()) == ["half.json", "other.json"]
    assert spool.drain(log, "r1").receipts == ()


def test_runs_of_a_process_that_died_are_drained_by_the_next(spool: Spool, log: AuditLog) -> None:
    for run in ("r1", "r2"):
        log.append(_started(run))
        spool.put(RunFinished(**{**COMMON, "run": run}))
    assert [(drained.run, len(drained.receipts)) for drained in spool.drain_all(log)] == [("r1", 1), ("r2", 1)]


@pytest.mark.parametrize("run", [None, "a/b", "../x"])
def test_only_events_of_a_run_can_be_spooled(spool: Spool, log: AuditLog, run: str | None) -> None:
    with pytest.raises(SpoolError):
        spool.put(RunFinished(**COMMON).model_copy(update={"run": run}))
    if run is not None:
        with pytest.raises(SpoolError):
            spool.drain(log, run)


def test_a_spool_that_cannot_be_written_is_an_error_that_a_hook_can_name(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SpoolError, match="No space left"):
            spool.put(RunFinished(**COMMON))


def test_a_gate_is_seen_in_any_of_its_subjects() -> None:
    assert missing_labels(["gate_verdict/drift"], ["gate_verdict/drift/age"]) == ()
    assert missing_labels(["gate_verdict/drift"], ["gate_verdict/drifted"]) == ("gate_verdict/drift",)
