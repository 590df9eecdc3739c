"""A challenger replaces a champion only if it is shown to be no worse, on rows that are new to both."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from governance.gates.champion import (
    DIFFERENCE,
    NO_BASELINE,
    SAME_VERSION,
    UNSEEN,
    ChampionRelease,
    judge_champion,
    judge_measures,
    no_champion,
    unreadable_champion,
)
from governance.gates.result import Check, GateResult, Measure
from governance.gates.scored import score_rows
from governance.gates.synthetic import SyntheticData
from pipelines.evaluation import evaluate
from tests.governance.gates.conftest import CONTEXT, gates, requirements

RECALL_IN = "recall difference in "


def compare(synthetic: SyntheticData, challenger: str, champion: str, frame: pd.DataFrame | None = None) -> GateResult:
    return judge_champion(
        synthetic.models[challenger],
        synthetic.models[champion],
        synthetic.held_out if frame is None else frame,
        synthetic.config.attributes,
        requirements(),
        gates(),
        CONTEXT,
        versions=("2", "1"),
    )


def test_differences_are_those_of_the_evaluations(synthetic: SyntheticData) -> None:
    ours, theirs = (evaluate(synthetic.models[name], synthetic.held_out).metrics for name in ("inferior", "good"))
    found = {m.name: m for m in compare(synthetic, "inferior", "good").measures}
    for metric in ("roc_auc", "average_precision", "recall", "precision", "brier_score"):
        expected = ours[metric] - theirs[metric]
        assert found[metric + DIFFERENCE].value == pytest.approx(expected)


def test_pairing_makes_the_interval_of_the_difference_narrower_than_either(synthetic: SyntheticData) -> None:
    from governance.gates.performance import measure_performance

    rows = score_rows(synthetic.models["good"], synthetic.held_out)
    alone = next(m for m in measure_performance(rows, resamples=1000) if m.name == "roc_auc")
    paired = next(m for m in compare(synthetic, "retrained", "good").measures if m.name == "roc_auc" + DIFFERENCE)
    assert np.ptp(paired.intervals["95"]) < np.ptp(alone.intervals["95"]) / 2


def test_recall_is_compared_in_each_group(synthetic: SyntheticData) -> None:
    result = compare(synthetic, "biased", "good")
    found = {m.name: m for m in result.measures}
    at_risk = (synthetic.held_out["sex"] == "b") & (synthetic.held_out["label"] == 1)
    flags = [
        score_rows(synthetic.models[name], synthetic.held_out).decided[at_risk].astype(float)
        for name in ("biased", "good")
    ]
    assert found[f"{RECALL_IN}sex=b"].value == pytest.approx(flags[0].mean() - flags[1].mean())
    assert f"{RECALL_IN}sex=b" in {check.name for check in result.failures}
    assert f"{RECALL_IN}sex=a" not in {check.name for check in result.failures}


def judged(name: str, value: float, low: float, high: float, **facts: float) -> Check:
    enough = {"rows": 1000.0, "positives": 400.0, "negatives": 600.0, "judged": 400.0}
    measure = Measure(name=name, value=value, intervals={"95": (low, high)}, facts={**enough, **facts})
    return next(check for check in judge_measures((measure,), gates(), requirements()) if check.name == name)


@pytest.mark.parametrize(
    ("name", "value", "low", "high", "verdict"),
    [
        ("roc_auc difference", 0.0, -0.03, 0.1, "passed"),
        ("roc_auc difference", 0.0, -0.0301, 0.1, "cannot_conclude"),
        ("roc_auc difference", -0.0301, -0.1, 0.1, "failed"),
        ("brier_score difference", 0.0, -0.1, 0.02, "passed"),
        ("brier_score difference", 0.0, -0.1, 0.0201, "cannot_conclude"),
        ("brier_score difference", 0.0201, -0.1, 0.1, "failed"),
        (f"{RECALL_IN}sex=b", -0.1, -0.25, 0.1, "passed"),
        (f"{RECALL_IN}sex=b", -0.1, -0.2501, 0.1, "cannot_conclude"),
        (f"{RECALL_IN}sex=b", -0.2501, -0.3, 0.1, "failed"),
    ],
)
def test_the_whole_interval_must_stay_within_the_margin(
    name: str, value: float, low: float, high: float, verdict: str
) -> None:
    assert judged(name, value, low, high).verdict == verdict


@pytest.mark.parametrize("few", [{"rows": 49.0}, {"judged": 7.0}])
def test_a_small_group_concludes_nothing(few: dict[str, float]) -> None:
    assert judged(f"{RECALL_IN}sex=b", 0.0, 0.0, 0.0, **few).verdict == "cannot_conclude"
    assert judged(f"{RECALL_IN}sex=b", 0.0, 0.0, 0.0, rows=50.0, judged=8.0).verdict == "passed"


def test_a_metric_that_was_not_compared_does_not_pass() -> None:
    checks = {check.name: check.verdict for check in judge_measures((), gates(), requirements())}
    assert set(checks.values()) == {"cannot_conclude"}


def test_the_same_version_is_refused_even_under_a_good_figure(synthetic: SyntheticData) -> None:
    model = synthetic.models["good"]
    result = judge_champion(
        model,
        model,
        synthetic.held_out,
        synthetic.config.attributes,
        requirements(),
        gates(),
        CONTEXT,
        versions=("3", "3"),
    )
    assert [(check.name, check.verdict) for check in result.checks] == [(SAME_VERSION, "failed")]


def test_rows_that_either_was_trained_on_are_left_out(synthetic: SyntheticData) -> None:
    mixed = pd.concat([synthetic.held_out, synthetic.training.head(200)], ignore_index=True)
    for pair in (("good", "retrained"), ("retrained", "good")):
        left = next(m for m in compare(synthetic, *pair, frame=mixed).measures if m.name == UNSEEN)
        assert left.value == len(synthetic.held_out)
        assert "200 of 1700 held-out rows were trained on" in left.detail
    clean = compare(synthetic, "retrained", "good")
    assert compare(synthetic, "retrained", "good", frame=mixed).measures[1:] == clean.measures[1:]


def test_too_few_rows_left_conclude_nothing(synthetic: SyntheticData) -> None:
    few = pd.concat([synthetic.held_out.head(99), synthetic.training], ignore_index=True)
    result = compare(synthetic, "retrained", "good", frame=few)
    unseen = next(check for check in result.checks if check.name == UNSEEN)
    assert (unseen.value, unseen.verdict) == (99, "cannot_conclude")
    leaked = compare(synthetic, "retrained", "leaked")
    assert next(check for check in leaked.checks if check.name == UNSEEN).value == 0
    assert leaked.verdict == "cannot_conclude"


def test_a_champion_whose_columns_are_gone_cannot_be_compared(synthetic: SyntheticData) -> None:
    result = compare(synthetic, "retrained", "good", frame=synthetic.held_out.drop(columns="ward"))
    assert result.verdict == "cannot_conclude"
    assert "ward" in str(result.failures[0])


def test_a_champion_that_libraries_have_left_behind_concludes_nothing(synthetic: SyntheticData) -> None:
    champion = ChampionRelease(version="1", release_id="r", digest="c" * 64)
    said = "it was trained with scikit-learn 1.7.2, this is 1.9.1"
    result = unreadable_champion("d" * 64, champion, synthetic.held_out, CONTEXT, said)
    assert result.verdict == "cannot_conclude"
    assert said in str(result.failures[0])


def test_without_a_champion_there_is_no_baseline(synthetic: SyntheticData) -> None:
    result = no_champion("d" * 64, synthetic.held_out, CONTEXT)
    assert result.passed
    assert result.checks[0].name == NO_BASELINE
    assert str(result.checks[0]) == "champion: no baseline: no version is in production"
    assert "champion" not in result.evidence
