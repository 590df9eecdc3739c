"""The performance gate measures for itself, and its intervals hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from environments import load_platform
from governance.gates.bootstrap import CONFIDENCES, count_resamples, intervals, resample
from governance.gates.performance import (
    AGREEMENT,
    OVERLAP,
    judge_measures,
    judge_performance,
    measure_performance,
)
from governance.gates.result import Check, Measure
from governance.gates.synthetic import SyntheticData
from pipelines.evaluation import evaluate
from pipelines.tasks.binary import BinaryScorer
from tests.governance.gates.conftest import CONTEXT, gates, requirements, scored

METRICS = ("roc_auc", "average_precision", "recall", "precision", "brier_score", "brier_skill")
ENOUGH = {"rows": 1000.0, "positives": 400.0, "negatives": 600.0}


def simulate(rows: int, random: np.random.Generator, separation: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    truth = (np.arange(rows) < rows * 0.3).astype(int)
    return truth, 1 / (1 + np.exp(-random.normal(separation * (2 * truth - 1), 1.0)))


def sklearn_figures(truth: np.ndarray, probability: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    flagged = probability >= 0.5
    return {
        "roc_auc": metrics.roc_auc_score(truth, probability, sample_weight=weights),
        "average_precision": metrics.average_precision_score(truth, probability, sample_weight=weights),
        "recall": metrics.recall_score(truth, flagged, sample_weight=weights),
        "precision": metrics.precision_score(truth, flagged, sample_weight=weights, zero_division=0),
        "brier_score": metrics.brier_score_loss(truth, probability, sample_weight=weights),
        "brier_skill": 1
        - metrics.brier_score_loss(truth, probability, sample_weight=weights)
        / metrics.brier_score_loss(truth, np.full(len(truth), truth.mean()), sample_weight=weights),
    }


@pytest.mark.parametrize("decimals", [1, 8])
def test_figures_of_resamples_are_scikit_learns_also_where_probabilities_are_equal(decimals: int) -> None:
    random = np.random.default_rng(1)
    truth, probability = simulate(120, random)
    probability = probability.round(decimals)
    weights = next(resample(truth, 5, seed=3))
    found = BinaryScorer(truth, probability, 0.5).figures(weights)
    for row, weight in enumerate(weights):
        expected = sklearn_figures(truth, probability, weight)
        assert {name: found[name][row] for name in METRICS} == pytest.approx(expected)


def test_nobody_flagged_is_no_precision_and_no_recall() -> None:
    found = BinaryScorer(np.array([0, 1]), np.array([0.1, 0.2]), 0.5).figures(np.ones((1, 2)))
    assert found["precision"][0] == found["recall"][0] == 0


def test_a_resample_holds_each_outcome_as_often_as_the_rows() -> None:
    strata = np.array([0] * 50 + [1] * 3)
    drawn = np.concatenate(list(resample(strata, 300, seed=0)))
    assert drawn.shape == (300, 53)
    assert (drawn[:, :50].sum(axis=1) == 50).all()
    assert (drawn[:, 50:].sum(axis=1) == 3).all()
    assert np.array_equal(drawn, np.concatenate(list(resample(strata, 300, seed=0)))), "the seed decides"


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """On 250 simulated sets of 300 rows the 90 % interval holds the true AUC in 84 to 96 %."""
    from scipy.stats import norm

    random, true_auc, held = np.random.default_rng(11), float(norm.cdf(2 / np.sqrt(2))), 0
    for trial in range(250):
        truth, probability = simulate(300, random)
        scorer = BinaryScorer(truth, probability, 0.5)
        draws = np.concatenate([scorer.figures(w)["roc_auc"] for w in resample(truth, 300, seed=trial)])
        low, high = intervals(draws, 0.0, 90)["90"]
        held += low <= true_auc <= high
    assert 0.84 <= held / 250 <= 0.96


def test_a_higher_confidence_is_a_wider_interval() -> None:
    truth, probability = simulate(300, np.random.default_rng(2))
    for measure in measure_performance(scored(truth, probability), resamples=1000):
        if measure.name == OVERLAP:
            continue
        widths = [np.ptp(measure.intervals[str(confidence)]) for confidence in CONFIDENCES]
        assert widths == sorted(widths)
        assert widths[0] < widths[-1]
        assert measure.value is not None
        assert measure.intervals["99"][0] <= measure.value <= measure.intervals["99"][1]


def test_no_miss_in_ten_is_not_proof_of_none() -> None:
    """Recall 10 of 10: no resample differs, so Clopper and Pearson's bound stands: 0.025 ** (1 / 10) = 0.6915."""
    truth = np.array([1] * 10 + [0] * 90)
    (recall,) = (m for m in measure_performance(scored(truth, truth * 0.9), resamples=500) if m.name == "recall")
    assert recall.value == 1
    assert recall.intervals["95"] == pytest.approx((0.025**0.1, 1.0))


def test_of_many_rows_fewer_resamples_are_drawn() -> None:
    truth, probability = simulate(50_000, np.random.default_rng(3))
    found = measure_performance(scored(truth, probability), resamples=2000)
    assert found[0].facts["resamples"] == count_resamples(50_000, 2000) == 400
    assert count_resamples(300, 2000) == 2000
    assert count_resamples(10**7, 2000) == 200


def measured(name: str, value: float, low: float, high: float, **facts: float) -> Measure:
    return Measure(name=name, value=value, intervals={"95": (low, high)}, facts={**ENOUGH, **facts})


def verdict(measure: Measure, **thresholds: float) -> Check:
    return judge_measures((measure,), requirements(**thresholds), gates(), overlap=0.01)[0]


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "recall", "precision"])
def test_the_lower_bound_must_clear_the_threshold(metric: str) -> None:
    at = {metric: 0.8}
    assert verdict(measured(metric, 0.9, 0.8, 0.95), **at).verdict == "passed"
    assert verdict(measured(metric, 0.9, 0.7999, 0.95), **at).verdict == "cannot_conclude"
    assert verdict(measured(metric, 0.7999, 0.7, 0.9), **at).verdict == "failed"


def test_the_brier_scores_upper_bound_must_stay_below() -> None:
    assert verdict(measured("brier_score", 0.08, 0.05, 0.1), brier_score=0.1).verdict == "passed"
    assert verdict(measured("brier_score", 0.08, 0.05, 0.1001), brier_score=0.1).verdict == "cannot_conclude"
    assert verdict(measured("brier_score", 0.1001, 0.05, 0.15), brier_score=0.1).verdict == "failed"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"rows": 99}, "99 held-out rows, at least 100"),
        ({"positives": 29}, "29 held-out rows at risk, at least 30"),
        ({"negatives": 29}, "29 held-out rows not at risk, at least 30"),
    ],
)
def test_too_few_rows_conclude_nothing_however_good_the_figure(facts: dict[str, float], words: str) -> None:
    enough = {name: value + 1 for name, value in facts.items()}
    assert verdict(measured("recall", 0.99, 0.98, 1.0, **enough), recall=0.5).verdict == "passed"
    few = verdict(measured("recall", 0.99, 0.98, 1.0, **facts), recall=0.5)
    assert few.verdict == "cannot_conclude"
    assert words in str(few)


def test_a_metric_that_was_not_measured_or_has_no_interval_does_not_pass() -> None:
    assert verdict(measured("recall", 0.9, 0.9, 0.9), roc_auc=0.6).verdict == "cannot_conclude"
    bare = Measure(name="recall", value=0.9, facts=ENOUGH)
    assert verdict(bare, recall=0.5).verdict == "cannot_conclude"


def test_one_outcome_only_is_not_measured() -> None:
    found = measure_performance(scored([1, 1, 1], [0.9, 0.8, 0.7]), resamples=500)
    assert {m.value for m in found if m.name in METRICS} == {None}


@pytest.mark.parametrize("environment", ["dev", "staging", "production"])
def test_a_coin_passes_nowhere(environment: str) -> None:
    """The committed thresholds stop a model that tells nothing, in every environment and on every metric."""
    settings = load_platform().environments[environment]
    values = {"roc_auc": 0.5, "average_precision": 0.25, "recall": 0.0, "precision": 0.25, "brier_score": 0.25001}
    coin = tuple(
        Measure(name=n, value=v, intervals={str(c): (v, v) for c in CONFIDENCES}, facts=ENOUGH)
        for n, v in values.items()
    )
    for model in ("breast_cancer_classifier", "diabetes_progression_classifier", "another_model"):
        asked = requirements(environment, **settings.thresholds_for(model).required())
        checks = judge_measures(coin, asked, settings.gates, overlap=0.01)
        failed = {check.name for check in checks if check.verdict == "failed"}
        assert failed == {"roc_auc", "average_precision", "recall", "brier_score"}


def test_an_evaluation_that_says_something_else_is_refused(synthetic: SyntheticData) -> None:
    told = evaluate(synthetic.models["good"], synthetic.held_out)
    rows = synthetic.scored("good", synthetic.held_out)

    def differences(evaluation: object) -> Check:
        judged = judge_performance(rows, evaluation, requirements(), gates(), CONTEXT, overlap=0.01)  # type: ignore[arg-type]
        return next(check for check in judged.checks if check.name == AGREEMENT)

    assert differences(told).passed
    better = {**told.metrics, "recall": told.metrics["recall"] + 1e-6}
    assert differences(told.model_copy(update={"metrics": better})).verdict == "failed"
    assert differences(told.model_copy(update={"data_digest": "0" * 64})).verdict == "failed"
    assert differences(told.model_copy(update={"model_digest": "0" * 64})).verdict == "failed"


def test_rows_that_the_model_was_trained_on_prove_nothing(synthetic: SyntheticData) -> None:
    rows = synthetic.scored("good", synthetic.training)
    assert rows.trained_on == len(synthetic.training)
    assert synthetic.scored("good", synthetic.held_out).trained_on == 0
    told = evaluate(synthetic.models["good"], synthetic.training)
    judged = judge_performance(rows, told, requirements(), gates(), CONTEXT, overlap=0.01)
    assert [check.name for check in judged.failures] == [OVERLAP]
