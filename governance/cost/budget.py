"""The budget as a gate: a team whose month is over its budget starts no new run there.

Production inference is never refused, because whoever waits for predictions cannot help the budget: it alerts. An
override of the gate ``budget`` lets runs go on until it expires.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

from environments import ORDER
from governance.audit import AuditError
from governance.audit.events import GateVerdict
from governance.core import clock
from governance.core.errors import RefusedError
from governance.core.target import Target
from governance.cost.breakdown import by_team
from governance.cost.money import cents
from governance.cost.month import Month
from governance.cost.provider import provider_of
from governance.cost.report import reached
from governance.cost.spend import Spend, SpendError, SpendProvider, currencies
from governance.gates.budget import GATE
from governance.records.journal import Journal

INFERENCE = "batch_inference_pipeline"
"""ZenML name of the pipelines that score: the platform's own and teams' alike."""


class BudgetExceededError(RefusedError):
    """The team's month is over its budget in this environment."""


class BudgetOverride(Protocol):
    """A signed statement that a gate is overruled for a time."""

    @property
    def gate(self) -> str:
        """Which gate."""

    @property
    def subject(self) -> str | None:
        """Which team; ``None`` for any."""

    @property
    def expires(self) -> datetime:
        """From when on it does not hold, with a time zone."""

    @property
    def statement_digest(self) -> str:
        """SHA-256 of the statement, as the audit log spells it."""


@dataclass(frozen=True)
class BudgetCheck:
    """Where a team stands in its month."""

    team: str
    environment: str
    month: Month
    verdict: Literal["passed", "failed", "cannot_conclude"]
    budget: Decimal
    currency: str
    spent: Decimal | None
    """``None``: it is not known."""
    reached: float | None = None
    """The highest of ``budget.alert_at`` that was reached."""
    unmeasured_runs: int = 0
    override: str | None = None
    """Digest of the statement that lets the run go on."""
    exempt: bool = False
    problem: str = ""

    @property
    def refuses(self) -> bool:
        """Whether the run may not begin."""
        return self.verdict == "failed" and self.override is None and not self.exempt

    @property
    def message(self) -> str | None:
        """The warning about the budget; ``None`` while there is none to give."""
        who = f"{self.team} in {self.environment}, {self.month}"
        if self.spent is None:
            return f"The budget of {who} cannot be checked: {self.problem}"
        if self.reached is None:
            return None
        unmeasured = f"; {self.unmeasured_runs} more runs have no known cost" if self.unmeasured_runs else ""
        text = (
            f"{who}: {cents(self.spent)} of {cents(self.budget)} {self.currency} are spent "
            f"({self.spent / self.budget:.0%}){unmeasured}."
        )
        if self.verdict == "failed" and self.override is not None:
            text += f" The run begins by the override {self.override}."
        elif self.verdict == "failed" and self.exempt:
            text += " Production inference goes on; somebody must decide about the budget."
        return text


def check_budget(
    target: Target,
    pipeline: str,
    journal: Journal,
    *,
    run: str | None = None,
    overrides: Iterable[BudgetOverride] = (),
    observe: Callable[[BudgetCheck], None] | None = None,
    provider: SpendProvider | None = None,
    now: datetime | None = None,
) -> BudgetCheck:
    """Check the month of ``target``'s team in its environment before a run begins, and record the verdict.

    Where the spend is not known (the bill does not answer, or some of the team's is in another currency and the rest
    is within the budget) nothing is concluded and the
    run may begin: a bill that is away must not stop everybody's work.

    Args:
        target: the model and environment.
        pipeline: name of the pipeline that is to run.
        journal: the environment's log.
        run: name of the run, if it has one yet.
        overrides: statements that are valid for ``target``; of whatever gate.
        observe: called with the outcome, also of a run that is then refused.
        provider: where spend is looked up; by default the environment's own.
        now: this moment.

    Raises:
        BudgetExceededError: the month is over the budget, the run is not exempt, and no override holds.
        NotRecordedError: the verdict cannot be recorded, so the run must not begin.
    """
    moment = now or clock.now()
    check = judge_budget(target, pipeline, overrides=overrides, provider=provider, now=moment)
    journal.write(
        journal.event(
            GateVerdict,
            gate=GATE.name,
            subject=check.team,
            verdict=check.verdict,
            value=None if check.spent is None else float(check.spent),
            threshold=float(check.budget),
            pipeline=pipeline,
            run=run,
            evidence={} if check.override is None else {"override": check.override},
        )
    )
    if observe is not None:
        observe(check)
    if check.refuses:
        raise BudgetExceededError(
            f"{check.message} No new run begins there until {check.month.after}. Raise budget in "
            f"environments/teams/{check.team}.yaml, or get an override: make override GATE={GATE.name} "
            f"ENV={check.environment} MODEL={target.model} REASON=…"
        )
    return check


def judge_budget(
    target: Target,
    pipeline: str,
    *,
    overrides: Iterable[BudgetOverride],
    provider: SpendProvider | None,
    now: datetime,
) -> BudgetCheck:
    """Judge as :func:`check_budget` does, without recording or refusing anything."""
    environment, team = target.environment, target.team
    month, budget = Month.of(now), Decimal(str(team.environments[environment.environment].budget))

    def check(
        verdict: Literal["passed", "failed", "cannot_conclude"],
        spent: Decimal | None,
        problem: str = "",
        unmeasured: int = 0,
    ) -> BudgetCheck:
        return BudgetCheck(
            team=team.team,
            environment=environment.environment,
            month=month,
            verdict=verdict,
            budget=budget,
            currency=environment.budget.currency,
            spent=spent,
            reached=None if spent is None else reached(spent, budget, environment.budget.alert_at),
            unmeasured_runs=unmeasured,
            override=_override(overrides, team.team, now) if verdict == "failed" else None,
            exempt=pipeline == INFERENCE and environment.environment == ORDER[-1],
            problem=problem,
        )

    try:
        bill = (provider or provider_of(target.platform, environment.environment, target.cloud)).spend(month)
    except (SpendError, AuditError) as error:
        return check("cannot_conclude", None, str(error))
    members = [name for name, other in target.platform.teams.items() if environment.environment in other.environments]
    bears = charged_to(team.team, bill.spend, members)
    spent = bears.pop(environment.budget.currency, Decimal(0))
    foreign = [currency for currency, amount in bears.items() if amount > 0]
    if foreign and spent <= budget:
        return check("cannot_conclude", None, f"some of its spend is in {', '.join(foreign)}, the budget is not")
    verdict: Literal["passed", "failed"] = "failed" if spent > budget else "passed"
    return check(verdict, spent, unmeasured=bill.teams_of_unmeasured.get(team.team, 0))


def charged_to(team: str, spend: Sequence[Spend], members: Sequence[str]) -> dict[str, Decimal]:
    """Return what counts against the budget of ``team``, one of ``members``, by currency: each is shared apart.

    So neither what others spend in another currency nor a shared credit makes up for what the team itself spent.
    """
    return {
        currency: share.charged
        for currency in currencies(spend)
        for share in by_team([item for item in spend if item.currency == currency], members)
        if share.team == team
    }


def _override(overrides: Iterable[BudgetOverride], team: str, now: datetime) -> str | None:
    return next(
        (
            override.statement_digest
            for override in overrides
            if override.gate == GATE.name and override.subject in (None, team) and now < override.expires
        ),
        None,
    )
