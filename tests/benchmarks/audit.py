"""Durable appends (fsync, signed, anchored) and verification of an audit log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from governance.audit import verify as standalone
from governance.audit.anchors import StoreAnchor
from governance.audit.events import Actor, RunFinished
from governance.audit.log import AuditLog
from governance.audit.signer import FileSigner
from governance.audit.store import LocalStore
from tests.benchmarks import Figure, timed

EVENTS, BATCH, SINGLES = 20_000, 1_000, 100


def measure(folder: Path, events: int = EVENTS, batch: int = BATCH, singles: int = SINGLES) -> Iterator[Figure]:
    """Append ``events`` in batches and ``singles`` one by one, and verify with both verifiers."""
    in_batches, one_by_one = _log(folder / "batches"), _log(folder / "singles")
    ready = [_event(number) for number in range(events)]
    _, seconds = timed(lambda: [in_batches.append_many(ready[at : at + batch]) for at in range(0, events, batch)])
    _, single = timed(lambda: [one_by_one.append(ready[number]) for number in range(singles)])
    yield Figure("audit: appended in batches", events / seconds, "events/s", 2_000, True, singles / single)
    yield Figure("audit: append of one event", 1_000 * single / singles, "ms")
    theirs, by_itself = timed(lambda: _standalone(folder / "batches"))
    ours, verified = timed(in_batches.verify)
    assert ours.ok, ours
    assert theirs["ok"], theirs
    assert ours.entries == theirs["entries"] == events
    yield Figure("audit: verified", events / verified, "events/s", 50_000, True, events / by_itself)


def _log(folder: Path) -> AuditLog:
    for part in ("log", "anchor"):
        (folder / part).mkdir(parents=True)
    signer = FileSigner.create(folder / "key.pem", "benchmark/audit")
    return AuditLog(LocalStore(folder / "log"), signer, [StoreAnchor(LocalStore(folder / "anchor"))], "benchmark/audit")


def _standalone(folder: Path) -> dict[str, object]:
    keys = standalone.read_keys(str(folder / "key.pub"))
    return standalone.check(str(folder / "log"), keys, [str(folder / "anchor")])


def _event(number: int) -> RunFinished:
    return RunFinished(
        actor=Actor(id=f"subject-{number % 7:032x}", source="operating-system"),
        environment="dev",
        team="benchmark",
        model="benchmark_classifier",
        run=f"run-{number}",
        git_commit="0" * 40,
        lock_digest="sha256:" + "0" * 64,
        data_digests={"train": "sha256:" + "1" * 64, "test": "sha256:" + "2" * 64},
        duration_seconds=number / 7,
    )
