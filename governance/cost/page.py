"""Cost reports as one HTML page that needs nothing but itself, in the look of the model reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from governance.cost import plots
from governance.cost.money import cents
from governance.cost.report import CostReport
from governance.cost.wording import forecast_text, headline, last_words
from governance.rendering.pages import Pages, drawn

_PAGES = Pages(
    Path(__file__).resolve().parent / "templates",
    {"money": cents},
    {"headline": headline, "last_words": last_words, "forecast_text": forecast_text},
)


def render(reports: Sequence[CostReport], warnings: Sequence[str] = ()) -> str:
    """Render the page that shows ``reports``, which are of one month."""
    shown = []
    for number, report in enumerate(reports):
        name = f"r{number}"
        shown.append(
            {
                "report": report,
                "name": name,
                "days": drawn(plots.draw_days(report, name)) if report.daily else None,
                "month": drawn(plots.draw_month(report, name)) if report.daily else None,
                "payers": plots.payers(report),
            }
        )
    return _PAGES.fill("cost.html", drawn=shown, warnings=list(warnings))
