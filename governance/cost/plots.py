"""The plots of the cost page: what each day cost and whom, and the month against its budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import TYPE_CHECKING

from governance.cost.money import CENT
from governance.cost.month import Month
from governance.cost.report import CostReport
from governance.rendering.figures import ACCENT, FAINT, INK, MUTED, as_svg, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SERIES = 7
"""Payers that have a colour of their own; those who spent less are drawn as one."""
OTHERS = "others"
_CENT = float(CENT)
BEYOND = 6
"""A budget more than this many times what is drawn is named instead of drawn."""
_DRAWN = {f"#0a{number:02x}0a": f"var(--series-{number + 1})" for number in range(SERIES + 1)}
_HEX = tuple(_DRAWN)


def payers(report: CostReport) -> list[str]:
    """Return who has a colour in the plot of days, largest first, and :data:`OTHERS` last where there are more."""
    sums: dict[str, Decimal] = {}
    for amounts in report.daily.values():
        for payer, amount in amounts.items():
            sums[payer] = sums.get(payer, Decimal(0)) + amount
    ordered = sorted(sums, key=lambda payer: (-sums[payer], payer))
    return ordered if len(ordered) <= SERIES else [*ordered[:SERIES], OTHERS]


def draw_days(report: CostReport, name: str) -> str:
    """Draw spend by day, stacked by who spent it."""
    shown, month = payers(report), Month.parse(report.month)
    figure, axes = new_figure(fit=True)
    days = [day.day for day in month.days]
    bottom = [0.0] * len(days)
    for payer, colour in zip(shown, _HEX, strict=False):
        heights = [_spent(report.daily.get(day, {}), payer, shown) for day in month.days]
        axes.bar(days, heights, bottom=bottom, width=0.82, color=colour, linewidth=0)
        bottom = [below + height for below, height in zip(bottom, heights, strict=True)]
    axes.set_xlim(0.3, len(days) + 0.7)
    axes.set_xticks([1, 5, 10, 15, 20, 25, len(days)])
    _scale(axes, min(0.0, *bottom), max(*bottom, 0.0) * 1.08)
    axes.set_xlabel(f"day of {report.month} (UTC)")
    axes.set_ylabel(f"{report.currency} a day")
    return as_svg(figure, f"{name}-days", f"Spend by day in {report.environment}, by who spent it", _DRAWN)


def draw_month(report: CostReport, name: str) -> str:
    """Draw spend since the month began, where it is expected to end, and the budget."""
    month, today = Month.parse(report.month), report.written.date()
    figure, axes = new_figure(fit=True)
    seen = [day for day in month.days if day <= today]
    sums = list(accumulate(float(sum(report.daily.get(day, {}).values(), Decimal(0))) for day in seen))
    scale = float(report.total) / sums[-1] if sums and sums[-1] else 1.0
    sums = [amount * scale for amount in sums]  # a team's line carries its share of what is shared
    numbers = [day.day for day in seen]
    axes.fill_between(numbers, sums, color=FAINT, linewidth=0, alpha=0.6)
    axes.plot(numbers, sums, color=ACCENT, linewidth=1.7, solid_joinstyle="round")
    top = max(sums, default=0.0)
    if report.forecast is not None and seen and today < month.last:
        ends = [numbers[-1], month.last.day]
        low, middle, high = report.forecast.low, report.forecast.expected, report.forecast.high
        axes.fill_between(ends, [sums[-1], low], [sums[-1], high], color=ACCENT, linewidth=0, alpha=0.22)
        axes.plot(ends, [sums[-1], middle], color=ACCENT, linewidth=1.4, linestyle=(0, (4, 3)))
        top = max(top, high)
    if report.budget is not None and top > 0 and float(report.budget) <= top * BEYOND:
        budget = float(report.budget)
        axes.axhline(budget, color=INK, linewidth=1.1, linestyle=(0, (3, 2)))
        axes.annotate("budget", (1, budget), xytext=(2, 4), textcoords="offset points", color=INK, fontsize=10)
        top = max(top, budget)
    elif report.budget is not None:
        # A line so far above all else would press it to the ground.
        axes.annotate(
            f"budget {report.budget:,.0f}, beyond this plot",
            (0.98, 0.95),
            xycoords="axes fraction",
            ha="right",
            va="top",
            color=MUTED,
            fontsize=9.5,
        )
    axes.set_xlim(1, len(month.days))
    _scale(axes, min(0.0, *sums, 0.0), top * 1.12)
    axes.set_xticks([1, 5, 10, 15, 20, 25, len(month.days)])
    axes.set_xlabel(f"day of {report.month} (UTC)")
    axes.set_ylabel(f"{report.currency} since the 1st")
    return as_svg(figure, f"{name}-month", f"Spend of {report.month} in {report.environment} against its budget")


def _scale(axes: Axes, bottom: float, top: float) -> None:
    """Scale money from ``bottom`` to ``top``, at least to a cent: nobody reads hundred-thousandths of a currency."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    if bottom < 0:
        bottom = min(bottom, top - _CENT)
    else:
        if top < _CENT:
            axes.text(0.5, 0.5, f"all of it under {CENT}", transform=axes.transAxes, ha="center", color=MUTED)
        top = max(top, _CENT)
    axes.set_ylim(bottom, top)
    steps = [1, 2, 5, 10]  # so that no two ticks are the same in cents
    axes.yaxis.set_major_locator(MaxNLocator(nbins=min(6, max(1, int((top - bottom) / _CENT))), steps=steps))
    whole = top - bottom >= 5
    axes.yaxis.set_major_formatter(FuncFormatter(lambda amount, _: f"{amount:,.0f}" if whole else f"{amount:,.2f}"))


def _spent(amounts: Mapping[str, Decimal], payer: str, shown: Sequence[str]) -> float:
    if payer == OTHERS:
        return float(sum((amount for name, amount in amounts.items() if name not in shown), Decimal(0)))
    return float(amounts.get(payer, Decimal(0)))
