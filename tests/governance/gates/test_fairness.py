"""The fairness gate agrees with fairlearn, says which group is too small, and shows what is exempt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_ratio, equalized_odds_difference

from environments import FairnessExemption
from governance.gates.fairness import NO_ATTRIBUTE, judge_measures, measure_fairness
from governance.gates.groups import BandsMissingError, group_rows
from governance.gates.result import Check, Measure
from governance.gates.synthetic import SyntheticData
from governance.gates.tasks.base import measure_name
from governance.gates.tasks.binary import DEMOGRAPHIC_PARITY, EQUALIZED_ODDS
from pipelines.config import SensitiveAttribute
from pipelines.reference import describe_rows
from tests.governance.gates.conftest import gates, scored

SEX = SensitiveAttribute(column="sex")
ODDS, PARITY = measure_name(EQUALIZED_ODDS.name, "sex"), measure_name(DEMOGRAPHIC_PARITY.name, "sex")


def people(sizes: dict[str, int], seed: int = 0) -> tuple[Any, pd.DataFrame]:
    random = np.random.default_rng(seed)
    sex = np.repeat(list(sizes), list(sizes.values()))
    truth = (random.random(len(sex)) < 0.4).astype(int)
    probability = np.clip(0.3 + 0.4 * truth + random.normal(0, 0.2, len(sex)) - 0.1 * (sex == "b"), 0, 1)
    frame = pd.DataFrame({"sex": sex})
    return scored(truth, probability, frame), frame


def measure(sizes: dict[str, int]) -> dict[str, Measure]:
    rows, frame = people(sizes)
    return {m.name: m for m in measure_fairness(rows, (SEX,), describe_rows(frame), resamples=1000)}


@pytest.mark.parametrize("sizes", [{"a": 200, "b": 150}, {"a": 300, "b": 60, "c": 90}])
def test_both_measures_are_fairlearns(sizes: dict[str, int]) -> None:
    rows, frame = people(sizes)
    found = measure(sizes)
    given = {"y_true": rows.truth, "y_pred": rows.decided.astype(int), "sensitive_features": frame["sex"]}
    assert found[ODDS].value == pytest.approx(equalized_odds_difference(**given))
    assert found[PARITY].value == pytest.approx(demographic_parity_ratio(**given))


def test_intervals_are_those_of_drawing_rows_anew() -> None:
    """The binomial shortcut against rows drawn one by one and measured by fairlearn."""
    rows, frame = people({"a": 200, "b": 150})
    found, random, odds = measure({"a": 200, "b": 150}), np.random.default_rng(9), []
    strata = frame["sex"] + rows.truth.astype(str)
    members = [np.flatnonzero(strata == one) for one in strata.unique()]
    for _ in range(150):
        drawn = np.concatenate([random.choice(group, len(group)) for group in members])
        odds.append(
            equalized_odds_difference(
                rows.truth[drawn], rows.decided[drawn], sensitive_features=frame["sex"].iloc[drawn]
            )
        )
    assert found[ODDS].intervals["80"] == pytest.approx(tuple(np.quantile(odds, [0.1, 0.9])), abs=0.05)


def verdicts(measures: dict[str, Measure], **changes: Any) -> dict[str, Check]:
    checks = judge_measures(tuple(measures.values()), ("sex",), gates(**changes), "m_x")
    return {check.name: check for check in checks}


def given(value: float, low: float, high: float, group: float = 80, fewest: float = 20) -> Measure:
    facts = {"groups": 2.0, "smallest_group": group, "fewest_of_a_class": fewest}
    return Measure(name=ODDS, value=value, intervals={"95": (low, high)}, facts=facts)


@pytest.mark.parametrize(
    ("odds", "verdict"),
    [
        (given(0.2, 0.1, 0.40), "passed"),
        (given(0.2, 0.1, 0.4001), "cannot_conclude"),
        (given(0.4001, 0.1, 0.5), "failed"),
        (given(0.1, 0.0, 0.2, group=49), "cannot_conclude"),
        (given(0.1, 0.0, 0.2, fewest=7), "cannot_conclude"),
        (given(0.1, 0.0, 0.2, group=50, fewest=8), "passed"),
    ],
)
def test_the_upper_bound_of_the_difference_must_stay_below(odds: Measure, verdict: str) -> None:
    assert verdicts({ODDS: odds})[ODDS].verdict == verdict


def test_the_lower_bound_of_the_ratio_must_stay_above() -> None:
    facts = {"groups": 2.0, "smallest_group": 80.0, "fewest_of_a_class": 20.0}

    def verdict(value: float, low: float) -> str:
        ratio = Measure(name=PARITY, value=value, intervals={"95": (low, 1.0)}, facts=facts)
        return verdicts({PARITY: ratio})[PARITY].verdict

    assert verdict(0.8, 0.5) == "passed"
    assert verdict(0.8, 0.4999) == "cannot_conclude"
    assert verdict(0.4999, 0.3) == "failed"


def test_a_group_that_is_too_small_is_named() -> None:
    judged = verdicts(measure({"a": 300, "b": 12}))[ODDS]
    assert judged.verdict == "cannot_conclude"
    assert "a group has 12 rows, at least 50 are needed" in str(judged)
    assert "smallest group 'b'" in str(judged)


def test_one_group_only_concludes_nothing() -> None:
    assert verdicts(measure({"a": 300}))[ODDS].verdict == "cannot_conclude"


def test_a_measure_that_is_missing_does_not_pass() -> None:
    assert {check.verdict for check in verdicts({}).values()} == {"cannot_conclude"}


def test_an_exemption_is_of_one_measure_and_attribute_and_is_shown_with_its_reason() -> None:
    reason = "Equal shares would mean unequal error rates."
    exempt = FairnessExemption(model="m_x", attribute="sex", measure="demographic_parity_ratio", reason=reason)
    judged = verdicts(measure({"a": 300, "b": 12}), fairness__exemptions=(exempt,))
    assert judged[PARITY].passed
    assert reason in str(judged[PARITY])
    assert judged[PARITY].value == pytest.approx(measure({"a": 300, "b": 12})[PARITY].value)
    assert not judged[ODDS].passed
    other = exempt.model_copy(update={"model": "another_model"})
    assert not verdicts(measure({"a": 300, "b": 12}), fairness__exemptions=(other,))[PARITY].passed


def test_a_model_without_attributes_needs_the_environments_reason() -> None:
    (blocked,) = judge_measures((), (), gates(), "m_x")
    assert (blocked.name, blocked.verdict) == (NO_ATTRIBUTE, "cannot_conclude")
    (allowed,) = judge_measures((), (), gates(), "breast_cancer_classifier")
    assert allowed.passed
    assert "cell nuclei" in str(allowed)


def test_a_number_falls_into_bands_or_its_few_values_and_is_never_cut_in_silence() -> None:
    frame = pd.DataFrame({"age": [20.0, 49.9, 50.0, 69.0, 70.0, np.nan]})
    reference = describe_rows(pd.DataFrame({"age": [10.0, 60.0, 80.0]}))
    bands = SensitiveAttribute(column="age", bands=(50, 70))
    assert list(group_rows(frame, bands, reference).of_row) == [
        "below 50", "below 50", "50 to 70", "50 to 70", "from 70", "unknown",
    ]  # fmt: skip
    by_value = group_rows(frame, SensitiveAttribute(column="age"), reference)
    assert list(by_value.of_row) == ["20", "49.9", "50", "69", "70", "unknown"]
    many = describe_rows(pd.DataFrame({"age": np.arange(11.0)}))
    with pytest.raises(BandsMissingError, match="'age' is a number with 11 values, which are no groups: name bands"):
        group_rows(frame, SensitiveAttribute(column="age"), many)


def test_each_group_is_described(synthetic: SyntheticData) -> None:
    rows = synthetic.scored("good", synthetic.held_out)
    found = measure_fairness(rows, synthetic.config.attributes, synthetic.models["good"].reference, resamples=500)
    groups = {m.name: m for m in found if m.name.startswith("group ")}
    assert set(groups) == {"group sex=a", "group sex=b"}
    inside = (synthetic.held_out["sex"] == "a").to_numpy()
    assert groups["group sex=a"].value == pytest.approx(rows.decided[inside].mean())
    assert groups["group sex=a"].facts["rows"] == inside.sum()
