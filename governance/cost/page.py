"""Cost reports as one HTML page that needs nothing but itself, in the look of the model reports."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from governance.cost import plots
from governance.cost.money import cents
from governance.cost.report import CostReport
from governance.cost.wording import forecast_text, headline, last_words
from governance.report import numbers
from governance.report.render import TEMPLATES as REPORT_TEMPLATES
from governance.report.render import breakable

TEMPLATES = Path(__file__).resolve().parent / "templates"


def render(reports: Sequence[CostReport], warnings: Sequence[str] = ()) -> str:
    """The page that shows ``reports``, which are of one month."""
    drawn = []
    for number, report in enumerate(reports):
        name = f"r{number}"
        drawn.append(
            {
                "report": report,
                "name": name,
                "days": Markup(plots.draw_days(report, name)) if report.daily else None,  # noqa: S704 - our own SVG
                "month": Markup(plots.draw_month(report, name)) if report.daily else None,  # noqa: S704
                "payers": plots.payers(report),
            }
        )
    return _environment().get_template("cost.html").render(drawn=drawn, warnings=list(warnings))


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(TEMPLATES), FileSystemLoader(REPORT_TEMPLATES)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        money=cents,
        percent=numbers.percent,
        count=numbers.count,
        utc=numbers.utc,
        breakable=breakable,
        short=numbers.short,
    )
    environment.globals.update(headline=headline, last_words=last_words, forecast_text=forecast_text)
    return environment
