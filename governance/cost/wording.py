"""What a cost report says in words."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from governance.cost.forecast import Forecast
from governance.cost.money import cents
from governance.cost.report import CostReport


@dataclass(frozen=True)
class Headline:
    """The one sentence of a report; ``passed`` is None where there is nothing to judge, or nothing to compare."""

    text: str
    passed: bool | None
    note: str = ""


def headline(report: CostReport) -> Headline:
    """Say whether the month stays within its budget, or that nothing was recorded that could."""
    # A team that spent nothing itself may still have its part of what is shared.
    if not report.daily and not report.total:
        return Headline(f"Nothing to compare with a budget: no spend is on record for {report.month}", None)
    spent = f"{cents(report.total)} {report.currency} in {report.month}"
    over = [row.team for row in report.teams if row.over]
    note = f"over budget: {', '.join(over)}" if over else ""
    if report.budget is None:
        return Headline(f"{spent}; no budget in {report.currency}", None if not over else False, note)
    share = f"{float(report.total / report.budget):.0%} of {cents(report.budget)}"
    if report.total > report.budget:
        return Headline(f"Over budget: {spent}, {share}", False, note)
    if over:
        who = over[0] if len(over) == 1 else f"{len(over)} teams"
        return Headline(
            f"{who} over budget; all together within: {spent}, {share}", False, note if len(over) > 1 else ""
        )
    return Headline(f"Within budget: {spent}, {share}", True)


def forecast_text(forecast: Forecast | None, currency: str) -> str:
    """Say the forecast and its interval."""
    if forecast is None:
        return "not enough days yet"
    if forecast.days_to_come == 0:
        return f"{cents(_money(forecast.expected))} {currency}, final"
    low, high = cents(_money(forecast.low)), cents(_money(forecast.high))
    expected = cents(_money(forecast.expected))
    return f"{expected} {currency}" + (f" ({low} to {high})" if {low, high} != {expected} else "")


def last_words(report: CostReport) -> str:
    """Say where the forecast comes from."""
    if report.forecast is None:
        return "A forecast needs three complete days."
    return (
        f"Forecast: {report.forecast.method} ({report.forecast.days_seen} days seen); the band holds "
        f"{report.forecast.level:.0%} of the draws."
    )


def _money(value: float) -> Decimal:
    return Decimal(repr(round(value, 9)))
