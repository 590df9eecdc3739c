"""What the log says that a training was made from, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from governance.audit import LogReader
from governance.audit.events import GateVerdict, ModelSigned, RunFinished, RunStarted, SnapshotFrozen
from governance.core.errors import RefusedError
from governance.core.target import Target
from governance.gates import data_quality, held_out_data, performance
from governance.gates.record import as_reference
from pipelines.training import training_pipeline

if TYPE_CHECKING:
    from governance.audit.events import Event

_DATA = {as_reference(data_quality.GATE.name): "training", as_reference(held_out_data.GATE.name): "held-out"}
"""Which rows each gate on data judged."""


class ReproductionError(RefusedError):
    """A run cannot be trained again here; the message says what is missing."""


@dataclass(frozen=True)
class Figure:
    """A metric as the gate on performance measured it."""

    value: float
    lower: float | None
    upper: float | None

    def holds(self, value: float) -> bool:
        """Return whether ``value`` is within the interval; without an interval, whether it is the same."""
        if self.lower is None or self.upper is None:
            return abs(value - self.value) <= 1e-9  # the order of additions may differ
        return self.lower <= value <= self.upper


@dataclass
class RecordedRun:
    """One training as the log has it."""

    run: str
    version: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    lock: str | None = None
    model: str | None = None
    """Digest of the model's files."""
    data: dict[str, str] = field(default_factory=dict)
    """Digests of the rows it was trained on, and of the held-out ones."""
    metrics: dict[str, Figure] = field(default_factory=dict)
    finished: bool = False
    image: str | None = None
    """Digest of the image that it ran in, where it was started from a snapshot."""


def recorded_training(target: Target, log: LogReader, *, run: str | None, version: str | None) -> RecordedRun:
    """Return the training ``run``, or that of ``version``, in ``target``'s environment; by default the newest.

    Raises:
        ReproductionError: there is none, it did not end well, or no commit describes it.
        AuditError: the log cannot be read.
    """
    runs: dict[str, RecordedRun] = {}
    images: dict[str | None, str | None] = {}
    for entry in log.entries():
        event = entry.event
        if isinstance(event, SnapshotFrozen):
            images[event.snapshot_digest] = event.image_digest
        if event.model != target.model or event.run is None:
            continue
        if isinstance(event, RunStarted) and event.pipeline == training_pipeline.name:
            runs[event.run] = RecordedRun(
                event.run,
                commit=event.git_commit,
                dirty=event.git_dirty,
                lock=event.lock_digest,
                image=images.get(event.snapshot),
            )
        elif event.run in runs:
            _add(runs[event.run], event)
    ended = [found for found in runs.values() if found.finished]
    wanted = [found for found in ended if run in (None, found.run) and version in (None, found.version)]
    where = target.environment.environment
    if not wanted:
        named = f"run {run!r}" if run else f"version {version}" if version else "training"
        raise ReproductionError(
            f"The log of {where} has no {named} of {target.model} that trained and ended well. `make audit ENV={where} "
            f'ARGS="--model {target.model} --kind run_started"` lists runs.'
        )
    found = wanted[-1]
    if found.commit is None or found.dirty is not False:
        raise ReproductionError(
            f"Run {found.run} was made from {'local changes' if found.dirty else 'code'} that no commit holds, so "
            "nobody can train it again."
        )
    return found


def _add(run: RecordedRun, event: Event) -> None:
    run.version = event.model_version or run.version
    match event:
        case RunFinished():
            run.finished = True
        case ModelSigned():
            run.model = event.model_digest
        case GateVerdict():
            if event.gate in _DATA and "data" in event.evidence:
                run.data[_DATA[event.gate]] = event.evidence["data"]
            if event.gate == as_reference(performance.GATE.name):
                run.model = run.model or event.model_digest
                if event.subject is not None and event.value is not None:
                    run.metrics[event.subject] = Figure(event.value, event.lower, event.upper)
        case _:
            pass
