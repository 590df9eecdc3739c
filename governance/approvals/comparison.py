"""How a version that is to enter an environment differs from the one in use there, by what the log holds of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from environments.strict import StrictModel
from governance.approvals.request import PromotionRequest, environment_before
from governance.audit import Filter, LogReader, open_reader, select
from governance.audit.events import GateVerdict
from governance.core.target import Target
from governance.gates.performance import GATE as PERFORMANCE
from governance.gates.record import as_reference
from governance.records.history import read_history
from pipelines.tasks.metrics import Direction


class Difference(StrictModel):
    """One metric of two versions, and how much may be lost."""

    metric: str
    challenger: float
    champion: float
    difference: float
    """Challenger less champion."""
    margin: float | None
    """How much worse it may be; ``None`` where nothing is asked."""
    better: Direction | None
    """Which way the metric is better, where a margin is asked."""

    def __str__(self) -> str:
        """Return the two figures and their difference as a person reads them."""
        margin = "no margin is asked for" if self.margin is None else f"margin {self.margin:g}"
        smaller = ", smaller is better" if self.better == "lower" else ""
        figures = f"{self.metric} {self.challenger:.4g} against {self.champion:.4g}: {self.difference:+.4g}"
        return f"{figures}, {margin}{smaller}"


class Comparison(StrictModel):
    """What the gate on performance said of a version and of the one in use, in the environment that both came from."""

    champion: str
    """The version that is in use."""
    run: str
    """The run that measured it."""
    same_rows: bool
    """Whether both were measured on the same rows; if not, a difference may be the rows'."""
    differences: tuple[Difference, ...]


def compare_with_champion(request: PromotionRequest) -> Comparison | None:
    """Compare ``request``'s version with the one in use where it is to go; ``None`` where the log does not hold both.

    Raises:
        AuditError: a log cannot be read.
    """
    target, current = request.target, read_history(request.target).current
    if current is None:
        return None
    source = environment_before(target)
    log = open_reader(source.platform, source.environment.environment, cloud=source.cloud)
    mine = _measured(log, target.model, request.model_digest, run=request.run)
    theirs = _measured(log, target.model, current.digest, version=current.version)
    if mine is None or theirs is None:
        return None
    limits = {**target.thresholds.thresholds, **target.thresholds.margins}
    differences = (_difference(target, metric, mine, theirs) for metric in limits)
    return Comparison(
        champion=current.version,
        run=theirs.run,
        same_rows=mine.rows == theirs.rows,
        differences=tuple(found for found in differences if found is not None),
    )


@dataclass(frozen=True)
class _Measured:
    run: str
    rows: str | None
    figures: Mapping[str, float]


def _difference(target: Target, metric: str, mine: _Measured, theirs: _Measured) -> Difference | None:
    """Return the difference in ``metric``; ``None`` where it was not measured of both."""
    challenger, champion = (found.figures.get(as_reference(metric)) for found in (mine, theirs))
    if challenger is None or champion is None:
        return None
    asked = target.thresholds.margins.get(metric)
    return Difference(
        metric=metric,
        challenger=challenger,
        champion=champion,
        difference=challenger - champion,
        margin=asked.limit if asked else None,
        better=asked.better if asked else None,
    )


def _measured(
    log: LogReader, model: str, model_digest: str, *, run: str | None = None, version: str | None = None
) -> _Measured | None:
    """Return what ``run``, or the newest of ``version``, measured of the model with this digest; ``None`` if none."""
    wanted = Filter(kind="gate_verdict", model=model, run=run, model_version=version)
    rows, figures = None, dict[str, float]()
    for entry in select(log, wanted, newest_first=True):
        event = entry.event
        if not isinstance(event, GateVerdict) or event.run is None or event.run != (run or event.run):
            continue
        if (event.gate, event.model_digest) == (as_reference(PERFORMANCE.name), model_digest):
            run, rows = event.run, event.evidence.get("data")
            if event.subject is not None and event.value is not None:
                figures.setdefault(event.subject, event.value)
    return _Measured(run, rows, figures) if run and figures else None
