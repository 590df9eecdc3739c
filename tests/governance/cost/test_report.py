"""The cost report: the log's runs against budgets, per currency, with what is not known; readable by people."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from governance.core import clock
from governance.cost.cache import CachedProvider
from governance.cost.month import Month
from governance.cost.page import render
from governance.cost.provider import complete, cost_folder, ledger_of, provider_of
from governance.cost.report import CostReport, build_reports
from governance.cost.run_ledger import RunRow
from governance.cost.spend import MonthOfSpend, Spend
from tests.governance.conftest import DIABETES
from tests.governance.cost.conftest import NOW, Logged, a_run, many_teams, prepare
from tests.governance.report.browser import find_browser, open_browser

NOVEMBER = Month(2026, 11)


def report(logged: Logged, environment: str = "dev", month: Month = NOVEMBER, team: str | None = None) -> CostReport:
    provider = provider_of(logged.platform, environment)
    (made,) = build_reports(logged.platform, environment, month, provider, now=NOW, team=team)
    return made


def three_weeks(logged: Logged, environment: str = "dev") -> None:
    events = []
    for day in range(1, 21):
        at = datetime(2026, 11, day, 3, tzinfo=UTC)
        events += a_run(2 * day, "2", at=at, environment=environment)
        events += a_run(
            2 * day + 1, "3", at=at, team="diabetes-care", model=DIABETES, environment=environment,
            pipeline="batch_inference_pipeline",
        )  # fmt: skip
    logged.write(environment, events)


def test_runs_are_summed_by_team_pipeline_model_and_run_against_the_teams_budget(logged: Logged) -> None:
    three_weeks(logged)
    made = report(logged)
    assert made.total == 100
    assert {row.team: (row.total, row.budget, row.over) for row in made.teams} == {
        "oncology": (Decimal(40), Decimal(60), False),
        "diabetes-care": (Decimal(60), Decimal(40), True),
    }
    assert {row.team: row.reached for row in made.teams} == {"oncology": 0.5, "diabetes-care": 1.0}
    assert [(row.name, row.amount) for row in made.pipelines] == [
        ("batch_inference_pipeline", Decimal(60)),
        ("training_pipeline", Decimal(40)),
    ]
    assert {row.name: row.amount for row in made.models} == {"breast_cancer_classifier": 40, DIABETES: 60}
    assert len(made.runs) == 40
    assert sum(row.amount for row in made.runs) == made.total
    assert made.forecast is not None
    # Today, which cost nothing yet, is still to come: ten days of five.
    assert made.forecast.expected == 150


def test_runs_without_a_cost_are_counted_apart_and_never_as_nothing(logged: Logged) -> None:
    logged.write("dev", [*a_run(1, "1"), *a_run(2, None), *a_run(3, "2", missing=("fit",))])
    made = report(logged)
    assert made.total == 3
    assert made.unmeasured_runs == 2
    assert made.teams[1].unmeasured_runs == 2
    assert "2 runs" in render([made])


def test_a_run_belongs_to_the_month_it_began_in(logged: Logged) -> None:
    last = datetime(2026, 10, 31, 23, 59, 30, tzinfo=UTC)  # its cost is recorded in November
    logged.write("dev", [*a_run(1, "1", at=last), *a_run(2, "2", at=last + timedelta(seconds=30))])
    assert report(logged, month=Month(2026, 10)).total == 1
    assert report(logged).total == 2
    assert report(logged, month=Month(2026, 9)).total == 0


def test_each_currency_has_a_report_of_its_own(logged: Logged) -> None:
    logged.write("dev", [*a_run(1, "1"), *a_run(2, "5", currency="EUR")])
    provider = provider_of(logged.platform, "dev")
    made = build_reports(logged.platform, "dev", NOVEMBER, provider, now=NOW)
    assert {one.currency: one.total for one in made} == {"EUR": 5, "USD": 1}
    euros = next(one for one in made if one.currency == "EUR")
    assert euros.budget is None, "the budget is in dollars"
    assert all(row.budget is None for row in euros.teams)


def test_one_team_alone(logged: Logged) -> None:
    three_weeks(logged)
    made = report(logged, team="oncology")
    assert [row.team for row in made.teams] == ["oncology"]
    assert made.total == 40
    assert made.budget == 60
    assert {row.team for row in made.runs} == {"oncology"}


def test_what_was_read_of_the_log_is_kept_and_only_what_is_new_is_read_again(logged: Logged) -> None:
    logged.write("dev", a_run(1, "1"))
    assert report(logged).total == 1
    kept = cost_folder(logged.platform, "dev", "local") / "runs.json"
    assert json.loads(kept.read_text(encoding="utf-8"))["size"] == 3
    logged.write("dev", a_run(2, "2"))
    ledger = ledger_of(logged.platform, "dev", "local")
    read: list[int] = []
    entries = ledger._log.entries
    ledger._log.entries = lambda start=0, stop=None: (read.append(start), entries(start, stop))[1]  # type: ignore[method-assign,func-returns-value]
    assert sum(one.amount for one in ledger.spend(NOVEMBER).spend) == 3
    assert read == [3]


@pytest.mark.parametrize("damage", ["{", '{"size": 3}', "another log"])
def test_what_was_kept_of_another_log_or_is_damaged_is_read_anew(damage: str, logged: Logged) -> None:
    logged.write("dev", a_run(1, "1"))
    assert report(logged).total == 1
    kept = cost_folder(logged.platform, "dev", "local") / "runs.json"
    text = kept.read_text(encoding="utf-8")
    changed = text.replace('"last":"', '"last":"0').replace('"cost":"1"', '"cost":"9"') if "log" in damage else damage
    kept.write_text(changed, encoding="utf-8")
    assert report(logged).total == 1


class Counting:
    name = "a bill"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def spend(self, month: Month) -> MonthOfSpend:
        self.asked.append(str(month))
        one = Spend(day=month.first, amount=Decimal(len(self.asked)), currency="USD")
        return MonthOfSpend(month=str(month), spend=(one,))


def test_answers_are_kept_for_hours_and_settled_months_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill, now = Counting(), [NOW]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    provider = CachedProvider(bill, tmp_path)
    first = provider.spend(NOVEMBER)
    now[0] += timedelta(hours=5)
    assert provider.spend(NOVEMBER) == first
    now[0] += timedelta(hours=2)
    assert provider.spend(NOVEMBER) != first
    assert bill.asked == ["2026-11", "2026-11"]
    october = Month(2026, 10)
    settled = provider.spend(october)
    now[0] += timedelta(days=400)
    assert provider.spend(october) == settled
    now[0] = datetime(2026, 12, 2, tzinfo=UTC)  # just over, and bills still change
    provider.spend(NOVEMBER)
    now[0] += timedelta(days=30)
    provider.spend(NOVEMBER)
    assert bill.asked == ["2026-11", "2026-11", "2026-10", "2026-11", "2026-11"]
    for file in tmp_path.glob("*.json"):
        file.write_text("damaged", encoding="utf-8")
    provider.spend(october)
    assert bill.asked[-1] == "2026-10"


def test_a_bills_line_that_names_a_run_gets_its_pipeline_and_model() -> None:
    name = "training_pipeline-production-0123456789ab"
    row = RunRow(run=name, team="oncology", model="m", pipeline="training_pipeline", began=NOW)
    line = Spend(day=NOVEMBER.first, amount=Decimal(1), currency="USD", team="oncology", run=name)
    known = complete(line, {name: row}, "production")
    assert (known.pipeline, known.model) == ("training_pipeline", "m")
    unknown = complete(line, {}, "production")
    assert (unknown.pipeline, unknown.model) == ("training_pipeline", None)
    assert complete(line.model_copy(update={"run": None}), {}, "production").pipeline is None


def test_the_command_reports_in_a_table_as_json_and_as_a_page(logged: Logged, tmp_path: Path) -> None:
    from governance.cli.app import app

    three_weeks(logged)
    asked = ["cost", "--env", "dev", "--month", "2026-11", "--settings", str(logged.settings)]
    shown = CliRunner().invoke(app, [*asked, "--folder", str(tmp_path / "out")])
    assert shown.exit_code == 0, shown.output
    assert "diabetes-care" in shown.output
    assert "150.0%" in shown.output
    page = tmp_path / "out" / "cost-dev-2026-11.html"
    assert str(page) in shown.output.replace("\n", "")
    assert "diabetes-care over budget" in page.read_text(encoding="utf-8")
    told = json.loads(CliRunner().invoke(app, [*asked, "--json", "--team", "oncology"]).stdout)
    assert [one["total"] for one in told] == ["40"]


@pytest.mark.parametrize(
    ("option", "said"), [(["--month", "november"], "2026-11"), (["--team", "cardiology"], "cardiology")]
)
def test_a_month_or_team_that_is_none_is_refused(option: list[str], said: str, logged: Logged) -> None:
    from governance.cli.app import app

    done = CliRunner().invoke(app, ["cost", "--env", "dev", "--settings", str(logged.settings), *option])
    assert done.exit_code != 0
    assert said in str(done.exception)


def test_fifty_teams_add_up_and_those_without_a_colour_are_drawn_as_one(tmp_path: Path) -> None:
    logged = prepare(many_teams(tmp_path, 50))
    events = []
    for number in range(50):
        events += a_run(number, f"{number}.000001", team=f"team-{number}", model=f"model_{number}")
    logged.write("dev", events)
    made = report(logged)
    assert sum(row.total for row in made.teams) == made.total == Decimal("1225.00005")
    assert "others" in render([made])


def test_what_costs_next_to_nothing_is_said_in_cents(logged: Logged) -> None:
    for day in range(1, 6):
        logged.write("dev", a_run(day, "0.0000055", at=datetime(2026, 11, day, 9, tzinfo=UTC)))
    page = render([report(logged)])
    assert "Within budget: under 0.01 USD" in page
    said = re.findall(r">([^<>]*[0-9][^<>]*)<", page.partition("<body")[2])
    assert not [text for text in said if re.search(r"0\.00[0-9]|[0-9]e.?[0-9]", text)]
    ticks = re.findall(r"<text [^>]*text-anchor: end[^>]*>([^<]*)</text>", page)
    assert set(ticks) - {"budget 200, beyond this plot"} == {"0.00", "0.01"}


def test_a_month_of_which_nothing_is_on_record_is_not_said_to_be_within_its_budget(
    logged: Logged, tmp_path: Path
) -> None:
    from governance.cli.app import app

    logged.write("dev", a_run(1, None))  # a run that left no cost
    asked = ["cost", "--env", "dev", "--month", "2026-11", "--settings", str(logged.settings), "--folder"]
    said = "Nothing to compare with a budget: no spend is on record for 2026-11"
    nothing = CliRunner().invoke(app, [*asked, str(tmp_path)])
    assert f"{said}." in nothing.output
    assert "ithin budget" not in nothing.output
    assert "1 runs ended without a (complete) cost" in nothing.output
    assert said in render([report(logged)])
    logged.write("dev", a_run(2, "0"))
    assert "Within budget: 0.00 USD in 2026-11" in CliRunner().invoke(app, [*asked, str(tmp_path)]).output


@pytest.mark.skipif(find_browser() is None, reason="no Chromium on PATH")
@pytest.mark.xdist_group("report in a browser")
def test_the_page_fits_a_phone_asks_no_network_and_shows_every_section(logged: Logged, tmp_path: Path) -> None:
    three_weeks(logged)
    three_weeks(logged, "production")
    file = tmp_path / "cost.html"
    file.write_text(render([report(logged), report(logged, "production")]), encoding="utf-8")
    executable = find_browser()
    assert executable is not None
    with open_browser(executable) as page:
        for width, dark in ((1280, False), (390, True)):
            page.open(file, width=width, dark=dark, scripts=False)
            assert page.requests == [file.as_uri()]
            assert page.complaints == []
        page.open(file, width=390, scripts=True)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        cut = "[...document.querySelectorAll('.scroll')].filter(box => box.scrollWidth > box.clientWidth).length"
        assert page.evaluate(cut) == 0
        assert page.evaluate("document.querySelectorAll('.plots svg').length") == 4
        assert page.evaluate("document.querySelectorAll('section').length") == 10
