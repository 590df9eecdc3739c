"""What an environment's log says of each version that was trained there: by whom, and how its gates judged it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from governance.audit import LogReader
from governance.audit.events import Actor, GateVerdict, ModelSigned, RunFailed, RunFinished, RunStarted

Outcome = Literal["passed", "failed", "not judged"]


@dataclass
class Training:
    """One run that trained."""

    trainer: Actor | None = None
    outcome: Outcome = "not judged"
    """``passed``: the run ended well, so every gate let it pass."""
    stopped_by: str | None = None
    """The gate, as the log spells it, that said no or could not conclude."""
    metric: tuple[str, float] | None = None
    """Name and value of the first figure of the gate on performance."""
    version: str | None = None
    digests: set[str] = field(default_factory=set)
    """Of the model, as its gates and the signature saw it."""


def trainings(log: LogReader, pipeline: str, performance: str) -> dict[tuple[str, str], Training]:
    """Return the training of every version that ``log`` knows, by model and version number.

    Args:
        log: the log of the environment where models are trained.
        pipeline: name of the pipeline that trains.
        performance: the gate on performance, as the log spells it; its first figure is the version's main metric.

    Raises:
        AuditError: the log cannot be read.
    """
    runs: dict[tuple[str, str], Training] = {}
    for entry in log.entries():
        event = entry.event
        if event.run is None or event.model is None or (event.pipeline != pipeline and event.kind != "model_signed"):
            continue
        run = runs.setdefault((event.model, event.run), Training())
        run.version = event.model_version or run.version
        if event.model_digest:
            run.digests.add(event.model_digest)
        match event:
            case RunStarted():
                run.trainer = event.actor
            case GateVerdict():
                if event.verdict != "passed":
                    run.stopped_by = run.stopped_by or event.gate
                if event.gate == performance and run.metric is None and event.subject and event.value is not None:
                    run.metric = event.subject, event.value
            case RunFinished():
                run.outcome, run.stopped_by = "passed", None
            case RunFailed():
                run.outcome = "failed"
            case ModelSigned() | _:
                pass
    return {(model, run.version): run for (model, _), run in runs.items() if run.version is not None}
