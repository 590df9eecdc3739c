"""A team whose month is over its budget starts no new run there; nobody else is stopped, and nothing is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.audit import open_reader, select
from governance.audit.events import GateVerdict
from governance.audit.query import Filter
from governance.core.target import Target
from governance.cost.alert import render
from governance.cost.budget import INFERENCE, BudgetCheck, BudgetExceededError, charged_to, check_budget
from governance.cost.month import Month
from governance.cost.spend import MonthOfSpend, Spend, SpendError
from governance.records.journal import Journal
from governance.runs.session import RunSession
from tests.governance.conftest import DIABETES
from tests.governance.cost.conftest import NOW, Logged, a_run

TRAINING = "training_pipeline"


@dataclass(frozen=True)
class Overruled:
    gate: str = "budget"
    subject: str | None = None
    expires: datetime = NOW + timedelta(days=1)
    statement_digest: str = "sha256:" + "b" * 64


def verdicts(target: Target) -> list[GateVerdict]:
    log = open_reader(target.platform, target.environment.environment, cloud=target.cloud)
    return [e.event for e in select(log, Filter(kind="gate_verdict")) if isinstance(e.event, GateVerdict)]


def check(target: Target, pipeline: str = TRAINING, **more: Any) -> BudgetCheck:
    return check_budget(target, pipeline, Journal(target), now=NOW, **more)


def test_below_its_budget_a_team_runs_unwarned_and_the_verdict_is_recorded(logged: Logged) -> None:
    logged.write("dev", a_run(1, "29.99"))
    made = check(logged.target(), run="training_pipeline-dev-000000000009")
    assert (made.verdict, made.spent, made.message) == ("passed", Decimal("29.99"), None)
    (event,) = verdicts(logged.target())
    assert (event.gate, event.verdict, event.subject) == ("budget", "passed", "oncology")
    assert (event.value, event.threshold) == (29.99, 60)
    assert event.run == "training_pipeline-dev-000000000009"


@pytest.mark.parametrize(("spent", "share"), [("30", "50%"), ("48.01", "80%"), ("60", "100%")])
def test_from_the_first_alert_on_it_is_warned_and_runs(spent: str, share: str, logged: Logged) -> None:
    logged.write("dev", a_run(1, spent))
    made = check(logged.target())
    assert made.verdict == "passed"
    assert made.message is not None
    assert share in made.message
    assert made.reached == float(share.rstrip("%")) / 100


def test_over_its_budget_a_run_is_refused_and_that_is_recorded(logged: Logged) -> None:
    logged.write("dev", [*a_run(1, "60"), *a_run(2, "0.01")])
    told: list[BudgetCheck] = []
    with pytest.raises(BudgetExceededError, match=r"60\.01 of 60\.00 USD") as refused:
        check(logged.target(), observe=told.append)
    assert "environments/teams/oncology.yaml" in str(refused.value)
    assert [event.verdict for event in verdicts(logged.target())] == ["failed"]
    assert [one.refuses for one in told] == [True]


def test_the_refusal_stops_a_real_run_before_it_begins(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    """``governance.runs.run`` asks before the log says that a run began."""
    from contextlib import nullcontext

    from governance.runs import run as running

    class Prepared:
        name = TRAINING

        def with_options(self, **_options: Any) -> Prepared:
            return self

        def prepare(self, **_parameters: Any) -> None:
            pass

        def __call__(self, **_parameters: Any) -> None:
            raise AssertionError("the run began")

    pipeline: Any = Prepared()
    monkeypatch.setattr(running, "govern", lambda plain, _target, version: plain)
    monkeypatch.setattr(running, "gates_of", lambda _governed: ())
    monkeypatch.setattr(running, "active_stack", lambda *_where: nullcontext())
    monkeypatch.setattr(running, "tell_budget", lambda _check: None)
    logged.write("dev", a_run(1, "1000", at=datetime.now(tz=UTC)))
    with pytest.raises(BudgetExceededError):
        running.run(pipeline, RunSession(logged.target()))
    log = open_reader(logged.platform, "dev")
    begun = [e.event.run for e in select(log, Filter(kind="run_started"))]
    assert len(begun) == 1, "only the run that spent it all"


def test_other_teams_environments_and_months_are_not_stopped(logged: Logged) -> None:
    logged.write("dev", a_run(1, "1000"))
    assert check(logged.target("dev", DIABETES)).verdict == "passed"
    assert check(logged.target("staging")).verdict == "passed"
    next_month = datetime(2026, 12, 1, tzinfo=UTC)
    assert check_budget(logged.target(), TRAINING, Journal(logged.target()), now=next_month).verdict == "passed"
    last_moment = next_month - timedelta(microseconds=1)
    with pytest.raises(BudgetExceededError):
        check_budget(logged.target(), TRAINING, Journal(logged.target()), now=last_moment)


def test_production_inference_goes_on_and_alerts(logged: Logged) -> None:
    logged.write("production", a_run(1, "5000", environment="production"))
    logged.write("staging", a_run(2, "5000", environment="staging"))
    made = check(logged.target("production"), INFERENCE)
    assert (made.verdict, made.exempt, made.refuses) == ("failed", True, False)
    assert made.message is not None
    assert "goes on" in made.message
    assert [event.verdict for event in verdicts(logged.target("production"))] == ["failed"]
    assert b'groundwork_budget_exceeded{environment="production",team="oncology"} 1.0' in render(made)
    with pytest.raises(BudgetExceededError):
        check(logged.target("production"), TRAINING)
    with pytest.raises(BudgetExceededError):
        check(logged.target("staging"), INFERENCE)


def test_a_valid_override_lets_the_run_begin_and_is_named(logged: Logged) -> None:
    logged.write("dev", a_run(1, "1000"))
    made = check(logged.target(), overrides=[Overruled(gate="fairness"), Overruled(subject="oncology")])
    assert made.override == Overruled().statement_digest
    assert made.message is not None
    assert Overruled().statement_digest in made.message
    (event,) = verdicts(logged.target())
    assert (event.verdict, event.evidence) == ("failed", {"override": Overruled().statement_digest})


@pytest.mark.parametrize(
    "override",
    [Overruled(expires=NOW), Overruled(gate="fairness"), Overruled(subject="diabetes-care")],
    ids=["expired", "another gate", "another team"],
)
def test_an_override_that_does_not_hold_changes_nothing(override: Overruled, logged: Logged) -> None:
    logged.write("dev", a_run(1, "1000"))
    with pytest.raises(BudgetExceededError):
        check(logged.target(), overrides=[override])


class Away:
    name = "a bill that is away"

    def spend(self, month: Month) -> MonthOfSpend:
        raise SpendError(f"no answer about {month}")


def test_a_bill_that_is_away_concludes_nothing_and_stops_nobody(logged: Logged) -> None:
    made = check(logged.target(), provider=Away())
    assert (made.verdict, made.spent, made.refuses) == ("cannot_conclude", None, False)
    assert made.message is not None
    assert "no answer about 2026-11" in made.message
    assert [event.verdict for event in verdicts(logged.target())] == ["cannot_conclude"]
    assert b"groundwork_budget_spent{" not in render(made)


def test_spend_in_another_currency_is_not_compared(logged: Logged) -> None:
    logged.write("dev", a_run(1, "1000", currency="EUR"))
    made = check(logged.target())
    assert made.verdict == "cannot_conclude"
    assert "EUR" in made.problem


def spent(team: str | None, amount: str | Decimal, currency: str = "USD") -> Spend:
    return Spend(day=NOW.date(), amount=Decimal(amount), currency=currency, team=team)


class Bill:
    name = "a bill"

    def __init__(self, *spend: Spend) -> None:
        self._spend = spend

    def spend(self, month: Month) -> MonthOfSpend:
        return MonthOfSpend(month=str(month), spend=self._spend)


@pytest.mark.parametrize(
    "more",
    [
        (spent("diabetes-care", "0.01", "EUR"),),
        (spent("oncology", "0.01", "EUR"),),
        (spent(None, "0.01", "EUR"),),
        (spent(None, "-1000"),),
        (spent(None, "-1000", "EUR"), spent("oncology", "-1000", "EUR")),
    ],
    ids=["another's cent abroad", "a cent abroad", "a shared cent abroad", "a shared credit", "credits abroad"],
)
def test_nothing_of_others_and_no_shared_credit_lets_an_overspent_team_run(
    logged: Logged, more: tuple[Spend, ...]
) -> None:
    with pytest.raises(BudgetExceededError, match=r"60\.01 of 60\.00 USD"):
        check(logged.target(), provider=Bill(spent("oncology", "60.01"), *more))


@pytest.mark.parametrize(
    ("team", "amount", "verdict"),
    [
        ("diabetes-care", "1000", "passed"),
        ("oncology", "0.01", "cannot_conclude"),
        (None, "0.01", "cannot_conclude"),
        ("oncology", "-5", "passed"),
    ],
)
def test_another_currency_counts_where_the_team_bears_it(
    logged: Logged, team: str | None, amount: str, verdict: str
) -> None:
    bill = Bill(spent("oncology", "10"), spent(team, amount, "EUR"))
    assert check(logged.target(), provider=bill).verdict == verdict


amounts = st.decimals(min_value=-1000, max_value=1000, places=2)


@given(
    st.lists(st.tuples(st.sampled_from([None, "a", "b"]), amounts, st.sampled_from(["USD", "EUR"])), max_size=8),
    st.decimals(min_value="0.01", max_value=1000, places=2),
)
def test_what_a_team_spent_itself_counts_whatever_else_is_on_the_bill(
    others: list[tuple[str | None, Decimal, str]], own: Decimal
) -> None:
    more = [spent(*one) for one in others if one[0] != "a" or one[2] != "USD"]
    assert charged_to("a", [spent("a", own), *more], ["a", "b"])["USD"] >= own
