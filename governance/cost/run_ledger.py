"""Spend from the runs' own records in the audit log: the provider of the cloud ``local``.

The log only grows, so what was read of it is kept in the local root and only what is new is read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field, ValidationError

from environments.files import replace_file, sha256_hex
from environments.strict import StrictModel
from governance.audit.entry import Entry
from governance.audit.events import Event, RunFailed, RunFinished, RunStarted, RunUsage
from governance.audit.reader import LogReader
from governance.cost.month import BILLING_ZONE, Month, day_of
from governance.cost.spend import MonthOfSpend, Spend

_VERSION = 1


class RunRow(StrictModel, frozen=False):
    """What the log says of one run's cost."""

    run: str
    team: str | None
    model: str | None
    pipeline: str | None
    began: AwareDatetime
    state: Literal["running", "ended"] = "running"
    cost: Decimal | None = None
    currency: str | None = None
    complete: bool = False
    """Whether the cost of every step is known."""


class _Read(StrictModel, frozen=False):
    """Everything that was read of a log so far."""

    version: int = _VERSION
    size: int = 0
    last: str = ""
    """SHA-256 of the last entry that was read, so that another log in the same place is noticed."""
    runs: dict[str, RunRow] = Field(default={})


class RunLedger:
    """Runs and their costs, read from one environment's audit log.

    Args:
        log: the environment's audit log.
        kept: file that keeps what was read; made when missing, made anew when it is not of this log.
    """

    def __init__(self, log: LogReader, kept: Path) -> None:
        self._log, self._kept = log, kept

    @property
    def name(self) -> str:
        """The log's place."""
        return f"runs in {self._log.store.place}"

    def spend(self, month: Month) -> MonthOfSpend:
        """Return the costs of the runs that began in ``month``.

        A run that left no cost, or not of every step, is listed as unmeasured.

        Raises:
            AuditError: the log cannot be read.
        """
        spend, unmeasured, teams = [], [], dict[str, int]()
        for row in self.runs(month):
            if row.cost is not None and row.currency is not None:
                spend.append(
                    Spend(
                        day=day_of(row.began),
                        amount=row.cost,
                        currency=row.currency,
                        team=row.team,
                        pipeline=row.pipeline,
                        model=row.model,
                        run=row.run,
                    )
                )
            if not row.complete and row.state == "ended":
                unmeasured.append(row.run)
                teams[row.team or ""] = teams.get(row.team or "", 0) + 1
        return MonthOfSpend(
            month=str(month), spend=tuple(spend), unmeasured_runs=tuple(unmeasured), teams_of_unmeasured=teams
        )

    def runs(self, month: Month) -> Iterator[RunRow]:
        """Return the runs that began in ``month``, oldest first."""
        begin, end = month.begin(BILLING_ZONE), month.end(BILLING_ZONE)
        rows = self._up_to_date().runs.values()
        yield from sorted((row for row in rows if begin <= row.began < end), key=lambda row: (row.began, row.run))

    def _up_to_date(self) -> _Read:
        size = self._log.refresh()
        read = self._load(size)
        if read.size < size:
            for entry in self._log.entries(read.size, size):
                _take(read.runs, entry)
            read.size, read.last = size, self._digest(size)
            replace_file(self._kept, read.model_dump_json())
        return read

    def _load(self, size: int) -> _Read:
        try:
            read = _Read.model_validate_json(self._kept.read_bytes())
        except (OSError, ValidationError):
            return _Read()
        ours = read.version == _VERSION and read.size <= size and read.last == self._digest(read.size)
        return read if ours else _Read()

    def _digest(self, size: int) -> str:
        return sha256_hex(self._log.raw(size - 1)) if size else ""


def _take(runs: dict[str, RunRow], entry: Entry) -> None:
    event: Event = entry.event
    if event.run is None or not isinstance(event, RunStarted | RunUsage | RunFinished | RunFailed):
        return
    row = runs.get(event.run)
    if row is None:
        row = runs[event.run] = RunRow(
            run=event.run, team=event.team, model=event.model, pipeline=event.pipeline, began=event.time
        )
    if isinstance(event, RunUsage):
        row.cost = None if event.cost is None else Decimal(event.cost)
        row.currency, row.complete = event.currency, event.complete
    elif not isinstance(event, RunStarted):
        row.state = "ended"
