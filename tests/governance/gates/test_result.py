"""Verdicts follow from figures: three of them, and only the inconclusive one can be set aside."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from governance.gates.exemptions import Exemption
from governance.gates.result import Check, GateFailedError, GateResult
from tests.governance.gates.conftest import CONTEXT

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
DIGEST = "e" * 64


def check(**fields: Any) -> Check:
    return Check.model_validate({"name": "recall", "value": 0.91, "bound": "at least", "threshold": 0.9, **fields})


def result(*checks: Check) -> GateResult:
    return CONTEXT.result("fairness", {"data": DIGEST, "model": "a" * 64}, list(checks))


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, "passed"),
        ({"value": 0.9}, "passed"),
        ({"value": 0.8999}, "failed"),
        ({"lower": 0.9, "upper": 0.95}, "passed"),
        ({"lower": 0.8999, "upper": 0.95}, "cannot_conclude"),
        ({"value": 0.89, "lower": 0.86, "upper": 0.95}, "failed"),
        ({"unproven": "12 rows"}, "cannot_conclude"),
        ({"value": 0.1, "unproven": "12 rows"}, "cannot_conclude"),
        ({"value": None}, "cannot_conclude"),
        ({"value": float("nan")}, "cannot_conclude"),
        ({"bound": "at most", "value": 0.9}, "passed"),
        ({"bound": "at most", "value": 0.9001}, "failed"),
        ({"bound": "at most", "value": 0.8, "lower": 0.7, "upper": 0.9}, "passed"),
        ({"bound": "at most", "value": 0.8, "lower": 0.7, "upper": 0.9001}, "cannot_conclude"),
    ],
)
def test_a_check_passes_only_if_its_whole_interval_is_within_the_bound(fields: dict[str, Any], verdict: str) -> None:
    assert check(**fields).verdict == verdict


def test_a_result_is_as_bad_as_its_worst_check() -> None:
    unproven, failed = check(unproven="few"), check(value=0.1)
    assert result(check()).verdict == "passed"
    assert result(check(), unproven).verdict == "cannot_conclude"
    assert result(unproven, failed, check()).verdict == "failed"


def test_a_gate_with_nothing_to_check_does_not_pass() -> None:
    assert result().verdict == "cannot_conclude"
    with pytest.raises(GateFailedError, match="nothing to check"):
        result().require()


def test_a_person_reads_the_figure_its_interval_and_what_was_asked() -> None:
    with pytest.raises(
        GateFailedError,
        match=r"Gate 'fairness' stopped m_x in production: recall 0\.91, 95 % interval 0\.86 to 0\.95, "
        r"cannot be shown to be at least 0\.9\.",
    ):
        result(check(lower=0.86, upper=0.95, confidence=95)).require()


def exemption(**changes: Any) -> Exemption:
    return Exemption.model_validate(
        {"gate": "fairness", "expires": NOON + timedelta(hours=1), "statement_digest": DIGEST, **changes}
    )


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"subject": "recall"}, True),
        ({"model_digest": "a" * 64}, True),
        ({"subject": "precision"}, False),
        ({"gate": "drift"}, False),
        ({"model_digest": "b" * 64}, False),
        ({"model_version": "3"}, True),
        ({"model_version": "2", "model_digest": "a" * 64}, False),
        ({"expires": NOON}, False),
    ],
)
def test_an_override_covers_what_it_names_until_it_expires(changes: dict[str, Any], holds: bool) -> None:
    judged = result(check(unproven="few")).set_aside(
        [exemption(**changes)], model_version="3", model_digest="a" * 64, at=NOON
    )
    assert judged.settled == holds
    assert judged.verdict == "cannot_conclude", "it is set aside, not made to pass"
    assert judged.overridden_by == ((DIGEST,) if holds else ())
    if holds:
        assert judged.require() == judged
    else:
        with pytest.raises(GateFailedError):
            judged.require()


def test_no_override_covers_a_failure() -> None:
    judged = result(check(value=0.1), check(unproven="few")).set_aside(
        [exemption()], model_version=None, model_digest=None, at=NOON
    )
    assert [one.overridden_by for one in judged.checks] == [None, DIGEST]
    with pytest.raises(GateFailedError, match=r"recall 0\.1 must be"):
        judged.require()
    forged = judged.model_copy(update={"checks": (check(value=0.1, overridden_by=DIGEST),)})
    assert not forged.settled


def test_a_verdict_that_does_not_follow_is_refused_when_read() -> None:
    written = result(check(value=0.1)).model_dump(mode="json")
    assert written["verdict"] == "failed"
    assert GateResult.model_validate(written) == result(check(value=0.1))
    written["checks"][0]["verdict"] = "passed"
    with pytest.raises(ValidationError, match="the verdict is given as 'passed', but the figures say 'failed'"):
        GateResult.model_validate(written)


def test_a_results_digest_covers_every_figure() -> None:
    assert result(check()).digest == result(check()).digest
    assert result(check()).digest != result(check(value=0.92)).digest
    assert GateResult.model_validate_json(result(check()).model_dump_json()).digest == result(check()).digest


def test_a_refusal_survives_the_way_between_processes() -> None:
    refusal = GateFailedError(result(check(value=0.2)))
    again = pickle.loads(pickle.dumps(refusal))
    assert str(again) == str(refusal)
    assert again.result == refusal.result
