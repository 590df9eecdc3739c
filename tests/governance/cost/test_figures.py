"""Figures agree: by team, by pipeline, by model and by run the same money, to the last decimal; months cut in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import PLATFORM
from governance.cost.breakdown import OTHER, by_model, by_pipeline, by_run, by_team, total
from governance.cost.forecast import FEWEST_DAYS, forecast_month
from governance.cost.money import CurrencyMismatchError, Money, cents, divide, totals
from governance.cost.month import Month, NoMonthError, day_of
from governance.cost.spend import Spend

TEAMS = ["cardiology", "oncology", "radiology"]
amounts = st.decimals(min_value=-1000, max_value=100000, places=9)
spends = st.lists(
    st.builds(
        Spend,
        day=st.dates(date(2026, 11, 1), date(2026, 11, 30)),
        amount=amounts,
        currency=st.just("USD"),
        team=st.sampled_from([None, PLATFORM, *TEAMS, "stranger"]),
        pipeline=st.sampled_from([None, "training_pipeline", "batch_inference_pipeline"]),
        model=st.sampled_from([None, "a", "b"]),
        run=st.sampled_from([None, "r1", "r2", "r3"]),
    ),
    max_size=40,
)


@given(spends, st.lists(st.sampled_from(TEAMS), min_size=1, unique=True))
def test_every_breakdown_adds_up_to_the_environments_total(spend: list[Spend], teams: list[str]) -> None:
    whole = total(spend)
    shares = by_team(spend, teams)
    assert sum((share.total for share in shares), Decimal(0)) == whole
    for rows in (by_pipeline(spend), by_model(spend), by_run(spend)):
        assert sum((row.amount for row in rows), Decimal(0)) == whole


@given(amounts, st.dictionaries(st.text(min_size=1, max_size=3), amounts, min_size=1, max_size=60))
def test_a_division_loses_and_invents_nothing(amount: Decimal, weights: dict[str, Decimal]) -> None:
    parts = divide(amount, weights)
    assert sum(parts.values(), Decimal(0)) == amount
    assert parts.keys() == weights.keys()
    counted = {name: max(weight, Decimal(0)) for name, weight in weights.items()}
    whole = sum(counted.values(), Decimal(0))
    for name, part in parts.items():
        fair = amount * counted[name] / whole if whole else amount / len(weights)
        assert abs(part - fair) <= Decimal("0.000001")


def test_shared_cost_goes_by_direct_cost_and_equally_where_there_is_none() -> None:
    day = date(2026, 11, 2)

    def spend(team: str | None, amount: str) -> Spend:
        return Spend(day=day, amount=Decimal(amount), currency="USD", team=team)

    proportional = by_team(
        [spend("a", "30"), spend("b", "10"), spend(None, "2"), spend(PLATFORM, "2")], ["a", "b", "c"]
    )
    assert {share.team: share.shared for share in proportional} == {"a": 3, "b": 1, "c": 0}
    equal = by_team([spend(None, "1")], ["a", "b", "c"])
    assert {share.team: share.shared for share in equal} == {
        "a": Decimal("0.333334"),
        "b": Decimal("0.333333"),
        "c": Decimal("0.333333"),
    }
    assert by_team([spend(None, "1")], []) == by_team([spend(PLATFORM, "1")], [])
    assert by_team([spend(None, "1")], [])[0].total == 1


def test_spend_of_no_run_has_a_row_of_its_own() -> None:
    one = Spend(day=date(2026, 11, 2), amount=Decimal(5), currency="USD", team="a")
    assert [(row.name, row.team, row.amount) for row in by_run([one])] == [(OTHER, "a", Decimal(5))]


def test_currencies_are_never_added_together() -> None:
    with pytest.raises(CurrencyMismatchError, match="never added"):
        Money(Decimal(1), "USD") + Money(Decimal(1), "EUR")
    assert Money(Decimal(1), "USD") + Money(Decimal(2), "USD") == Money(Decimal(3), "USD")
    mixed = [Money(Decimal(1), "USD"), Money(Decimal(2), "EUR"), Money(Decimal(3), "USD")]
    assert totals(mixed) == {"EUR": 2, "USD": 4}
    day = date(2026, 11, 2)
    both = [Spend(day=day, amount=Decimal(1), currency=currency, team="a") for currency in ("USD", "EUR")]
    for breakdown in (total, by_pipeline, by_run, by_model, lambda spend: by_team(spend, ["a"])):
        with pytest.raises(ValueError, match="never added"):
            breakdown(both)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()))
def test_every_moment_is_in_exactly_one_month(moment: datetime) -> None:
    month = Month.of(moment)
    assert month.begin() <= moment < month.end()
    assert month.holds(moment)
    assert not month.after.holds(moment)
    assert not month.before.holds(moment)
    assert month.after.before == month
    assert day_of(moment) in month.days


@pytest.mark.parametrize(
    ("moment", "month", "day"),
    [
        (datetime(2026, 10, 31, 23, 59, 59, 999999, tzinfo=UTC), "2026-10", "2026-10-31"),
        (datetime(2026, 11, 1, tzinfo=UTC), "2026-11", "2026-11-01"),
        # still October in UTC, already November in Berlin; and the other way round in Los Angeles
        (datetime(2026, 11, 1, 0, 30, tzinfo=ZoneInfo("Europe/Berlin")), "2026-10", "2026-10-31"),
        (datetime(2026, 10, 31, 18, 0, tzinfo=ZoneInfo("America/Los_Angeles")), "2026-11", "2026-11-01"),
        # the hour that clocks strike twice: both are the same day
        (datetime(2026, 10, 25, 2, 30, fold=0, tzinfo=ZoneInfo("Europe/Berlin")), "2026-10", "2026-10-25"),
        (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")), "2026-10", "2026-10-25"),
        (datetime(2028, 2, 29, 12, tzinfo=UTC), "2028-02", "2028-02-29"),
        (datetime(2026, 12, 31, 23, 30, tzinfo=ZoneInfo("America/New_York")), "2027-01", "2027-01-01"),
    ],
)
def test_months_and_days_are_cut_in_utc(moment: datetime, month: str, day: str) -> None:
    assert str(Month.of(moment)) == month
    assert day_of(moment).isoformat() == day


def test_a_month_in_another_zone_has_the_hours_its_clocks_have() -> None:
    """March 2026 is an hour shorter in Berlin and October one longer, when it is cut there."""
    berlin = ZoneInfo("Europe/Berlin")

    def hours(month: Month) -> float:
        return (month.end(berlin).astimezone(UTC) - month.begin(berlin).astimezone(UTC)) / timedelta(hours=1)

    assert hours(Month(2026, 3)) == 31 * 24 - 1
    assert hours(Month(2026, 10)) == 31 * 24 + 1
    assert hours(Month(2026, 11)) == 30 * 24


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "26-11", "2026-1", "november", "2026-11-01", ""])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(NoMonthError, match="2026-11"):
        Month.parse(text)


def test_a_forecast_goes_on_at_the_rate_of_the_days_seen() -> None:
    month, today = Month(2026, 11), date(2026, 11, 11)
    steady = {date(2026, 11, day): Decimal(10) for day in range(1, 11)}
    made = forecast_month(steady, month, today)
    assert made is not None
    assert (made.low, made.expected, made.high) == (300, 300, 300)
    assert (made.days_seen, made.days_to_come) == (10, 20)
    spent_today = forecast_month({**steady, today: Decimal(500)}, month, today)
    assert spent_today is not None
    assert spent_today.low == 100 + 500 + 190


def test_a_forecasts_interval_holds_what_comes_as_often_as_it_says() -> None:
    """On months whose days are alike, 80 % of the ends lie within, give or take what 200 months can show."""
    import numpy as np

    random, month, today = np.random.default_rng(7), Month(2026, 11), date(2026, 11, 21)
    inside = 0
    for _ in range(200):
        days = random.gamma(2.0, 5.0, size=30).round(2)
        daily = {day: Decimal(str(value)) for day, value in zip(month.days, days, strict=True)}
        seen = {day: amount for day, amount in daily.items() if day < today}
        made = forecast_month(seen, month, today)
        assert made is not None
        inside += made.low <= float(sum(daily.values())) <= made.high
    assert 130 <= inside <= 180


def test_there_is_no_forecast_from_too_little_and_none_needed_once_the_month_is_over() -> None:
    month = Month(2026, 11)
    few = {date(2026, 11, day): Decimal(1) for day in range(1, FEWEST_DAYS)}
    assert forecast_month(few, month, date(2026, 11, FEWEST_DAYS)) is None
    assert forecast_month({}, month, date(2026, 11, 20)) is None
    assert forecast_month(few, month, date(2026, 10, 20)) is None
    over = forecast_month(few, month, date(2026, 12, 1))
    assert over is not None
    assert over.low == over.high == float(sum(few.values()))


@given(st.dictionaries(st.dates(date(2026, 10, 20), date(2026, 11, 20)), amounts, min_size=1), amounts)
def test_a_refund_is_not_expected_again(daily: dict[date, Decimal], refund: Decimal) -> None:
    """The month ends no lower than it stands: what was given back once is not given back every day."""
    month, today = Month(2026, 11), date(2026, 11, 20)
    daily[date(2026, 11, 5)] = -abs(refund)
    made = forecast_month(daily, month, today)
    assert made is not None
    spent = float(sum((amount for day, amount in daily.items() if day >= month.first), Decimal(0)))
    assert made.low >= spent - 1e-6


def test_one_refund_among_steady_days_leaves_the_forecast_above_zero() -> None:
    steady = {date(2026, 11, day): Decimal(10) for day in range(1, 11)}
    made = forecast_month({**steady, date(2026, 11, 4): Decimal(-80)}, Month(2026, 11), date(2026, 11, 11))
    assert made is not None
    assert made.low > 0
    assert made.expected == pytest.approx(10 + 20 * 9, rel=0.05)


def test_days_without_spend_count_as_days() -> None:
    sparse: dict[date, Any] = {date(2026, 11, 1): Decimal(30)}
    made = forecast_month(sparse, Month(2026, 11), date(2026, 11, 11))
    assert made is not None
    assert made.expected == pytest.approx(30 + 3 * 20, rel=0.1)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "0.00"), ("1234.5", "1,234.50"), ("0.00004321", "under 0.01"), ("-0.001", "above -0.01"), ("0.01", "0.01")],
)
def test_small_amounts_do_not_round_to_nothing(amount: str, shown: str) -> None:
    assert cents(Decimal(amount)) == shown
