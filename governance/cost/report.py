"""The cost report of one environment and month: spend against budget, with a forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from pydantic import AwareDatetime

from environments import PLATFORM, Environment, Platform, SettingsError, pick_cloud
from environments.strict import StrictModel
from governance.cost.breakdown import NOTHING, TeamShare, by_model, by_pipeline, by_run, by_team, charged, total
from governance.cost.forecast import Forecast, forecast_month
from governance.cost.month import Month, day_of
from governance.cost.spend import MonthOfSpend, Spend, SpendProvider, currencies

TOP_RUNS = 10
SHARING = (
    "Shared cost is split in proportion to what each team spent directly, equally where none did. A shared credit pays "
    "shared cost, and leaves a budget's own use as it is."
)


class TeamRow(StrictModel):
    """A team's month."""

    team: str
    direct: Decimal
    shared: Decimal
    total: Decimal
    budget: Decimal | None
    """``None``: it has none here, or in another currency."""
    forecast: Forecast | None
    unmeasured_runs: int = 0
    reached: float | None = None
    """The highest of ``budget.alert_at`` that was reached."""

    @property
    def charged(self) -> Decimal:
        """What counts against the budget."""
        return charged(self.direct, self.shared)

    @property
    def share(self) -> float | None:
        """What is charged over budget."""
        return None if self.budget is None else float(self.charged / self.budget)

    @property
    def over(self) -> bool:
        """Whether more was spent than the budget."""
        return self.budget is not None and self.charged > self.budget


class AmountRow(StrictModel):
    """One pipeline, model or run."""

    name: str
    team: str
    amount: Decimal


class CostReport(StrictModel):
    """A month of one environment in one currency."""

    environment: str
    cloud: str
    month: str
    written: AwareDatetime
    source: str
    currency: str
    team: str | None = None
    """The only team that is shown, if not all are."""
    budget: Decimal | None
    total: Decimal
    forecast: Forecast | None
    teams: tuple[TeamRow, ...]
    pipelines: tuple[AmountRow, ...]
    models: tuple[AmountRow, ...]
    runs: tuple[AmountRow, ...]
    daily: dict[date, dict[str, Decimal]]
    """Direct spend by day and team; the platform's is what is shared."""
    unmeasured_runs: int = 0
    alert_at: tuple[float, ...] = ()
    sharing: str = SHARING

    @property
    def top_runs(self) -> tuple[AmountRow, ...]:
        """The runs that cost the most."""
        return self.runs[:TOP_RUNS]


def build_reports(
    platform: Platform,
    environment: str,
    month: Month,
    provider: SpendProvider,
    *,
    now: datetime,
    cloud: str | None = None,
    team: str | None = None,
) -> list[CostReport]:
    """Build the reports of ``month``, one for each currency that money was spent in; at least one.

    Args:
        platform: the settings.
        environment: whose spend.
        month: which month.
        provider: where spend is looked up.
        now: this moment.
        cloud: which cloud.
        team: show only this team.

    Raises:
        SettingsError: the environment, cloud or team is unknown.
        SpendError: the provider did not answer.
    """
    settings = platform.environment(environment)
    if team is not None and environment not in getattr(platform.teams.get(team), "environments", ()):
        known = ", ".join(sorted(name for name, other in platform.teams.items() if environment in other.environments))
        raise SettingsError(f"Team {team!r} is not in {environment}; teams there: {known or 'none'}.")
    answer, earlier = provider.spend(month), provider.spend(month.before)
    return [
        _report(
            platform, settings, pick_cloud(settings, cloud), month, currency, answer, earlier, provider.name, now, team
        )
        for currency in currencies(answer.spend) or [settings.budget.currency]
    ]


def _report(
    platform: Platform,
    settings: Environment,
    cloud: str,
    month: Month,
    currency: str,
    answer: MonthOfSpend,
    earlier: MonthOfSpend,
    source: str,
    now: datetime,
    team: str | None,
) -> CostReport:
    here = settings.environment
    spend = [item for item in answer.spend if item.currency == currency]
    before = [item for item in earlier.spend if item.currency == currency]
    comparable = currency == settings.budget.currency
    members = sorted(name for name, other in platform.teams.items() if here in other.environments)
    shares = by_team(spend, members)
    whole, today = total(spend), day_of(now)
    daily = _daily([*before, *spend])
    rows = []
    for share in shares:
        section = platform.teams[share.team].environments.get(here) if share.team in platform.teams else None
        budget = Decimal(str(section.budget)) if section is not None and comparable else None
        part = share.shared / (whole - _direct(shares)) if whole != _direct(shares) else NOTHING
        rows.append(
            TeamRow(
                team=share.team,
                direct=share.direct,
                shared=share.shared,
                total=share.total,
                budget=budget,
                forecast=forecast_month(_of_team(daily, share.team, part), month, today),
                unmeasured_runs=answer.teams_of_unmeasured.get(share.team, 0),
                reached=reached(share.charged, budget, settings.budget.alert_at),
            )
        )
    if team is not None:
        rows = [row for row in rows if row.team == team]
        spend = [item for item in spend if item.team == team]
    environment_budget = Decimal(str(settings.budget.amount)) if comparable else None
    return CostReport(
        environment=here,
        cloud=cloud,
        month=str(month),
        written=now,
        source=source,
        currency=currency,
        team=team,
        budget=environment_budget if team is None else rows[0].budget if rows else None,
        total=whole if team is None else sum((row.total for row in rows), NOTHING),
        forecast=(
            forecast_month({day: sum(amounts.values(), NOTHING) for day, amounts in daily.items()}, month, today)
            if team is None
            else rows[0].forecast
            if rows
            else None
        ),
        teams=tuple(rows),
        pipelines=tuple(AmountRow(name=x.name, team=x.team, amount=x.amount) for x in by_pipeline(spend)),
        models=tuple(AmountRow(name=x.name, team=x.team, amount=x.amount) for x in by_model(spend)),
        runs=tuple(AmountRow(name=x.name, team=x.team, amount=x.amount) for x in by_run(spend)),
        daily={day: amounts for day, amounts in _daily(spend).items() if month.first <= day <= month.last},
        unmeasured_runs=(len(answer.unmeasured_runs) if team is None else answer.teams_of_unmeasured.get(team, 0)),
        alert_at=settings.budget.alert_at,
    )


def reached(amount: Decimal, budget: Decimal | None, alert_at: Sequence[float]) -> float | None:
    """Return the highest of ``alert_at`` (shares of ``budget``) that ``amount`` has reached."""
    if budget is None:
        return None
    return max((share for share in alert_at if amount >= budget * Decimal(str(share))), default=None)


def _direct(shares: Sequence[TeamShare]) -> Decimal:
    return sum((share.direct for share in shares), NOTHING)


def _daily(spend: Sequence[Spend]) -> dict[date, dict[str, Decimal]]:
    found: dict[date, dict[str, Decimal]] = {}
    for item in spend:
        amounts = found.setdefault(item.day, {})
        payer = item.team or PLATFORM
        amounts[payer] = amounts.get(payer, NOTHING) + item.amount
    return dict(sorted(found.items()))


def _of_team(daily: Mapping[date, Mapping[str, Decimal]], team: str, part: Decimal) -> dict[date, Decimal]:
    """Return the team's own spend by day and its ``part`` of what was shared on the day."""
    return {
        day: amounts.get(team, NOTHING) + (amounts.get(PLATFORM, NOTHING) * part if team != PLATFORM else NOTHING)
        for day, amounts in daily.items()
    }
