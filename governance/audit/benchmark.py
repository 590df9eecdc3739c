"""``python -m governance.audit.benchmark``: what the log costs on this machine, in a temporary folder."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from governance.audit import verify as standalone
from governance.audit.anchors import StoreAnchor
from governance.audit.events import Actor, RunFinished
from governance.audit.log import AuditLog
from governance.audit.signer import FileSigner
from governance.audit.store import LocalStore

ORIGIN = "benchmark/audit"
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Figures:
    """Events a second by the clock, and by the time that one core spent on them."""

    events: int
    batch: int
    batch_appends_per_second: float
    batch_appends_per_core_second: float
    single_append_milliseconds: float
    open_and_append_milliseconds: float
    verified_per_second: float
    verified_per_core_second: float
    standalone_verified_per_second: float
    standalone_verified_per_core_second: float
    one_checkpoint_each_verified_per_second: float


def measure(folder: Path, *, events: int, batch: int, singles: int) -> Figures:
    """Append ``events`` in batches and ``singles`` one by one below ``folder``, and verify both logs."""
    in_batches, one_by_one = _log(folder / "batches"), _log(folder / "singles")
    ready = [_event(number) for number in range(events)]

    def append_batches() -> None:
        for start in range(0, events, batch):
            in_batches.append_many(ready[start : start + batch])

    def append_singles() -> None:
        for number in range(singles):
            one_by_one.append(_event(number))

    _, wall, core = _timed(append_batches)
    _, wall_single, _ = _timed(append_singles)
    _, wall_open, _ = _timed(lambda: _log(folder / "batches").append(_event(events)))
    report, wall_verify, core_verify = _timed(in_batches.verify)
    other, wall_other, core_other = _timed(lambda: _standalone(folder / "batches"))
    each, wall_each, _ = _timed(one_by_one.verify)
    assert report.ok and other["ok"] and each.ok and report.entries == other["entries"] == events + 1
    return Figures(
        events=events,
        batch=batch,
        batch_appends_per_second=events / wall,
        batch_appends_per_core_second=events / core,
        single_append_milliseconds=1000 * wall_single / singles,
        open_and_append_milliseconds=1000 * wall_open,
        verified_per_second=report.entries / wall_verify,
        verified_per_core_second=report.entries / core_verify,
        standalone_verified_per_second=report.entries / wall_other,
        standalone_verified_per_core_second=report.entries / core_other,
        one_checkpoint_each_verified_per_second=singles / wall_each,
    )


def _log(folder: Path) -> AuditLog:
    for part in ("log", "anchor"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    key = folder / "key.pem"
    signer = FileSigner.load(key, ORIGIN) if key.exists() else FileSigner.create(key, ORIGIN)
    return AuditLog(LocalStore(folder / "log"), signer, [StoreAnchor(LocalStore(folder / "anchor"))], ORIGIN)


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


def _timed(work: Callable[[], _Result]) -> tuple[_Result, float, float]:
    wall, core = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - core


def main(
    events: Annotated[int, typer.Option(min=1, help="Events to append in batches.")] = 20_000,
    batch: Annotated[int, typer.Option(min=1, help="Events in a batch.")] = 1000,
    singles: Annotated[int, typer.Option(min=1, help="Events to append one by one.")] = 200,
    folder: Annotated[Path | None, typer.Option(help="Where to write [default: the temporary folder].")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure durable appends (fsync, signed, anchored) and verification."""
    with tempfile.TemporaryDirectory(prefix="audit-benchmark-", dir=folder) as place:
        figures = asdict(measure(Path(place), events=events, batch=batch, singles=singles))
    if as_json:
        typer.echo(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        typer.echo(f"{name.replace('_', ' '):<42}{value:>12,.{1 if isinstance(value, float) else 0}f}")


if __name__ == "__main__":
    typer.run(main)
