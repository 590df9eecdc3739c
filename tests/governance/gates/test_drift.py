"""Drift is told column by column, against figures that can be worked out by hand or by scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, ks_2samp

from governance.gates.drift import (
    holm,
    judge_drift,
    judge_measures,
    measure_drift,
    population_stability_index,
)
from governance.gates.drift_report import DISTANCE, PSI, describe, moved_most, sample_reference
from governance.gates.result import Check, Measure
from governance.gates.synthetic import SyntheticData
from pipelines.reference import describe_rows
from tests.governance.gates.conftest import CONTEXT, gates


def rows(count: int, seed: int, shift: float = 0.0, share: float = 0.5) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "dose": random.normal(shift, 1, count),
            "ward": np.where(random.random(count) < share, "A", "B"),
            "label": (random.random(count) < 0.3).astype("int64"),
        }
    )


def measures(reference: pd.DataFrame, frame: pd.DataFrame, bins: int = 5) -> dict[str, Measure]:
    return {m.name: m for m in measure_drift(describe_rows(reference), frame, bins=bins)}


def test_the_stability_index_is_its_formula() -> None:
    """Shares .5 .3 .2 against .4 .4 .2: .1 ln(5/4) + .1 ln(4/3); with a million rows half a row is nothing."""
    found = population_stability_index(np.array([400_000, 400_000, 200_000]), np.array([500_000, 300_000, 200_000]))
    assert found == pytest.approx(0.1 * np.log(5 / 4) + 0.1 * np.log(4 / 3), abs=1e-5)
    assert population_stability_index(np.array([5, 5]), np.array([5, 5])) == 0
    assert np.isfinite(population_stability_index(np.array([10, 0]), np.array([0, 10])))


def test_holms_correction_is_as_published() -> None:
    """Holm's procedure on 0.01, 0.04, 0.03, 0.005: times 4, 3, 2, 1 in order of size, never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_distances_and_their_tests_are_scipys() -> None:
    before, after = rows(500, 1), rows(300, 2, shift=0.2, share=0.6)
    found = measures(before, after)
    expected = ks_2samp(before["dose"], after["dose"], method="asymp")
    assert found[f"{DISTANCE}dose"].value == pytest.approx(expected.statistic)
    assert found[f"{DISTANCE}dose"].facts["p_value"] == pytest.approx(expected.pvalue)
    table = np.stack([frame["ward"].value_counts().reindex(["A", "B"]) for frame in (before, after)])
    test = chi2_contingency(table, correction=False)
    assert found[f"{DISTANCE}ward"].facts["p_value"] == pytest.approx(test.pvalue)
    assert found[f"{DISTANCE}ward"].value == pytest.approx(np.sqrt(test.statistic / 800))


def test_the_correction_is_for_the_number_of_columns() -> None:
    found = measures(rows(500, 1), rows(300, 2))
    raw = [m.facts["p_value"] for name, m in found.items() if name.startswith(DISTANCE)]
    adjusted = [m.facts["p_adjusted"] for name, m in found.items() if name.startswith(DISTANCE)]
    assert adjusted == pytest.approx(holm(raw))
    assert adjusted != pytest.approx(raw)


def test_bins_are_the_training_rows_quantiles() -> None:
    """Reference 1 to 100 in five bins of 20; 50 rows all in the lowest: a share of 1 against 0.2."""
    reference = pd.DataFrame({"dose": np.arange(1.0, 101.0)})
    found = measures(reference, pd.DataFrame({"dose": np.full(50, 3.0)}))[f"{PSI}dose"].value
    before, after = np.array([20, 20, 20, 20, 20, 0]), np.array([50, 0, 0, 0, 0, 0])
    assert found == pytest.approx(population_stability_index(before, after))


def test_values_that_went_missing_are_drift() -> None:
    after = rows(500, 2)
    after.loc[after.index % 2 == 0, "dose"] = np.nan
    assert (measures(rows(500, 1), after)[f"{PSI}dose"].value or 0) > 1
    after["dose"] = np.nan
    assert measures(rows(500, 1), after)[f"{DISTANCE}dose"].value == 1
    assert measures(after, rows(500, 1))[f"{DISTANCE}dose"].value == 1
    assert measures(after, after)[f"{DISTANCE}dose"].value == 0


def with_missing(count: int, share: float) -> pd.DataFrame:
    """As many evenly spread values, and that share of them missing."""
    position = np.arange(count)
    missing = np.floor((position + 1) * share) > np.floor(
        position * share
    )  # evenly, so that the values stay as they were
    return pd.DataFrame({"dose": np.where(missing, np.nan, np.linspace(0, 1, count))})


SIZES = st.integers(1000, 150_000)
SHARES = st.floats(0.02, 0.6)


@settings(max_examples=60, deadline=None)
@given(before=SIZES, after=SIZES, share=SHARES, later=SHARES)
def test_the_same_share_missing_means_the_same_at_any_size(before: int, after: int, share: float, later: float) -> None:
    found = measures(with_missing(before, share), with_missing(after, later))[f"{PSI}dose"].value
    expected = (later - share) * np.log(later / share) + (share - later) * np.log((1 - later) / (1 - share))
    assert found == pytest.approx(expected, rel=0.02, abs=0.01)


@pytest.mark.parametrize("count", [1000, 2000, 2001, 20_000, 100_000])
@pytest.mark.parametrize(("share", "later", "passed"), [(0.01, 0.33, False), (0.05, 0.05, True), (0.4, 0.4, True)])
def test_values_that_went_missing_are_told_however_many_rows_there_are(
    count: int, share: float, later: float, passed: bool
) -> None:
    reference = describe_rows(with_missing(count, share))
    assert judge_drift(reference, with_missing(1000, later), "d" * 64, gates(), CONTEXT).passed == passed


def test_a_category_that_is_new_is_drift() -> None:
    after = rows(500, 2)
    after.loc[after.index % 3 == 0, "ward"] = "Z"
    found = measures(rows(500, 1), after)
    assert (found[f"{PSI}ward"].value or 0) > 0.25
    assert found[f"{DISTANCE}ward"].facts["p_adjusted"] < 1e-6


def test_other_outcomes_are_drift() -> None:
    after = rows(500, 2).assign(label=1)
    assert (measures(rows(500, 1), after)[f"{PSI}label"].value or 0) > 0.25


def judged(name: str, value: float, **facts: float) -> Check:
    measure = Measure(name=name, value=value, facts={"rows": 500.0, "p_adjusted": 0.001, **facts})
    return judge_measures((measure,), gates().drift)[0]


@pytest.mark.parametrize(
    ("name", "value", "facts", "verdict"),
    [
        (f"{PSI}dose", 0.2, {}, "passed"),
        (f"{PSI}dose", 0.2001, {}, "failed"),
        (f"{PSI}dose", 0.1, {"rows": 99.0}, "cannot_conclude"),
        (f"{PSI}dose", 0.1, {"rows": 100.0}, "passed"),
        (f"{DISTANCE}dose", 0.2, {}, "passed"),
        (f"{DISTANCE}dose", 0.2001, {"p_adjusted": 0.0099}, "failed"),
        (f"{DISTANCE}dose", 0.2001, {"p_adjusted": 0.01}, "cannot_conclude"),
        (f"{DISTANCE}dose", 0.1, {"p_adjusted": 1e-9}, "passed"),
        (f"{DISTANCE}dose", 0.1, {"rows": 99.0}, "cannot_conclude"),
    ],
)
def test_each_column_has_a_limit(name: str, value: float, facts: dict[str, float], verdict: str) -> None:
    assert judged(name, value, **facts).verdict == verdict


def test_one_column_of_many_is_enough() -> None:
    """A share of drifted columns would hide it."""
    random = np.random.default_rng(4)
    before = pd.DataFrame({f"c{i}": random.normal(size=400) for i in range(30)})
    after = pd.DataFrame({f"c{i}": random.normal(size=400) for i in range(30)})
    assert judge_drift(describe_rows(before), after, "d" * 64, gates(), CONTEXT).passed
    after["c17"] += 1
    result = judge_drift(describe_rows(before), after, "d" * 64, gates(), CONTEXT)
    assert {check.name for check in result.failures} == {f"{PSI}c17", f"{DISTANCE}c17"}


def test_a_column_that_is_gone_does_not_pass() -> None:
    result = judge_drift(describe_rows(rows(500, 1)), rows(500, 2).drop(columns="ward"), "d" * 64, gates(), CONTEXT)
    assert {check.name for check in result.failures} == {f"{PSI}ward", f"{DISTANCE}ward"}


def test_the_pictures_sample_has_the_training_distribution_and_none_of_its_rows(synthetic: SyntheticData) -> None:
    reference = synthetic.models["good"].reference
    sample = sample_reference(reference, ["dose", "pressure", "ward"])
    assert sample["dose"].mean() == pytest.approx(synthetic.training["dose"].mean(), abs=0.5)
    assert sample["ward"].value_counts(normalize=True).max() < 0.45
    assert abs(sample["dose"].corr(synthetic.training["dose"])) < 0.15


def test_the_picture_shows_what_moved_most_and_its_stand_in_the_figures(synthetic: SyntheticData) -> None:
    moved = synthetic.held_out.assign(pressure=synthetic.held_out["pressure"] + 20)
    result = judge_drift(synthetic.models["good"].reference, moved, "d" * 64, gates(), CONTEXT)
    assert moved_most(result)[0] == "pressure"
    page = describe(result.model_copy(update={"checks": result.checks[:2]}))
    assert "<li>psi of dose" in page


def test_evidently_draws_the_columns_by_name(synthetic: SyntheticData, monkeypatch: Any) -> None:
    from governance.gates import drift_report

    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    result = judge_drift(synthetic.models["good"].reference, synthetic.held_out, "d" * 64, gates(), CONTEXT)
    page = drift_report.render_drift(synthetic.models["good"].reference, synthetic.held_out, result)
    assert "pressure" in page
    assert "ward" in page
    import os

    assert os.environ["DO_NOT_TRACK"] == "1", "its makers are told nothing"
