"""Which provider reports an environment's spend, and what the runs' own records add to its answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from environments import Cloud, Platform, ground_of, pick_cloud
from governance.audit import AuditError, open_reader
from governance.cost.cache import CachedProvider
from governance.cost.clouds import CLOUDS
from governance.cost.month import Month
from governance.cost.run_ledger import RunLedger, RunRow
from governance.cost.spend import MonthOfSpend, Spend, SpendProvider


def cost_folder(platform: Platform, environment: str, cloud: Cloud) -> Path:
    """Return the folder in which this machine keeps what was looked up."""
    return ground_of(platform.environment(environment), cloud) / "cost" / f"{cloud}-{environment}"


def ledger_of(platform: Platform, environment: str, cloud: Cloud) -> RunLedger:
    """Return the runs' own records of an environment.

    Raises:
        AuditError: its audit log cannot be opened.
    """
    log = open_reader(platform, environment, cloud=cloud)
    return RunLedger(log, cost_folder(platform, environment, cloud) / "runs.json")


def provider_of(platform: Platform, environment: str, cloud: str | None = None) -> SpendProvider:
    """Return what reports the spend of ``environment`` on ``cloud``.

    Raises:
        AuditError: the audit log, which is asked where nobody sends a bill, cannot be opened.
        SettingsError: the environment or cloud is unknown.
    """
    settings = platform.environment(environment)
    picked = pick_cloud(settings, cloud)
    bill = CLOUDS[picked].bill(settings)
    if bill is None:
        return ledger_of(platform, environment, picked)
    return WithRuns(CachedProvider(bill, cost_folder(platform, environment, picked)), platform, environment, picked)


class WithRuns:
    """A bill whose lines that name a run also name the run's pipeline and model, as the audit log has them."""

    def __init__(self, bill: SpendProvider, platform: Platform, environment: str, cloud: Cloud) -> None:
        self._bill, self._platform, self._environment, self._cloud = bill, platform, environment, cloud

    @property
    def name(self) -> str:
        """The bill's name."""
        return self._bill.name

    def spend(self, month: Month) -> MonthOfSpend:
        """Return the bill of ``month``; where the log cannot be read, lines stay as the bill has them."""
        answer = self._bill.spend(month)
        runs = self._runs(month)
        return answer.model_copy(
            update={"spend": tuple(complete(item, runs, self._environment) for item in answer.spend)}
        )

    def _runs(self, month: Month) -> Mapping[str, RunRow]:
        alphabet = CLOUDS[self._cloud].alphabet
        if alphabet is None:
            return {}
        try:
            ledger = ledger_of(self._platform, self._environment, self._cloud)
            rows = [*ledger.runs(month.before), *ledger.runs(month)]  # a run can cross the month's end
        except AuditError:
            return {}
        return {alphabet.value(row.run): row for row in rows}


def complete(spend: Spend, runs: Mapping[str, RunRow], environment: str) -> Spend:
    """Return ``spend`` with the pipeline and model of its run; the pipeline also stands in the run's own name."""
    if spend.run is None:
        return spend
    row = runs.get(spend.run)
    named = re.fullmatch(rf"(.+)-{re.escape(environment)}-[0-9a-f]{{12}}", spend.run)
    return spend.model_copy(
        update={
            "run": row.run if row else spend.run,
            "pipeline": spend.pipeline or (row.pipeline if row else named[1] if named else None),
            "model": spend.model or (row.model if row else None),
        }
    )
