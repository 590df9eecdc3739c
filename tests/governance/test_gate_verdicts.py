"""What gates decide, without running anything: every threshold bites, and nothing unmeasured passes."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from environments import DataQuality, Thresholds, load_platform
from governance.gates.data_quality import Columns, judge_data_quality
from governance.gates.performance import judge_performance
from governance.gates.result import Check, GateFailed, GateResult
from pipelines.evaluation import Calibration, Confusion, Evaluation, Metrics, RocCurve

LIMITS = DataQuality(minimum_rows=20, missing_share=0.1, duplicate_share=0.05)
COLUMNS = Columns(numeric=("size", "age"), categorical=("site",))


def evaluation(**metrics: float) -> Evaluation:
    """An evaluation that reaches the given metrics and is perfect otherwise."""
    reached = dict.fromkeys(Metrics.model_fields, 1.0) | {"brier_score": 0.0} | metrics
    return Evaluation(
        model="m_x",
        risk="malignant",
        rows=4,
        positives=2,
        decision_threshold=0.5,
        metrics=Metrics(**reached),
        confusion=Confusion(tn=2, fp=0, fn=0, tp=2),
        roc_curve=RocCurve(false_positive_rate=(0, 1), true_positive_rate=(0, 1)),
        calibration=Calibration(predicted=(0.5,), observed=(0.5,), count=(4,)),
        data_digest="d",
        model_digest=None,
    )


def judge(thresholds: Thresholds, **metrics: float) -> GateResult:
    return judge_performance(evaluation(**metrics), thresholds, model="m_x", environment="production")


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "recall", "precision"])
def test_a_metric_just_below_its_threshold_stops_the_model(metric: str) -> None:
    thresholds = Thresholds(**{metric: 0.8})
    assert judge(thresholds, **{metric: 0.8}).passed
    refused = judge(thresholds, **{metric: 0.7999})
    with pytest.raises(GateFailed, match=rf"m_x in production: {metric} 0\.7999 must be at least 0\.8"):
        refused.require()


def test_the_brier_score_must_stay_below_its_threshold() -> None:
    thresholds = Thresholds(brier_score=0.1)
    assert judge(thresholds, brier_score=0.1).passed
    with pytest.raises(GateFailed, match=r"brier_score 0\.11 must be at most 0\.1"):
        judge(thresholds, brier_score=0.11).require()


@pytest.mark.parametrize("environment", ["dev", "staging", "production"])
def test_a_coin_passes_nowhere(environment: str) -> None:
    """The committed thresholds stop a model that tells nothing, in every environment and on every metric."""
    settings = load_platform().environments[environment]
    for model in ("breast_cancer_classifier", "diabetes_progression_classifier", "another_model"):
        result = judge(
            settings.thresholds_for(model), roc_auc=0.5, average_precision=0.25, recall=0.0, brier_score=0.25001
        )
        assert {check.name for check in result.failures} == {"roc_auc", "average_precision", "recall", "brier_score"}


@pytest.mark.parametrize("value", [None, float("nan")])
@pytest.mark.parametrize("bound", ["at least", "at most"])
def test_what_was_not_measured_does_not_pass(value: float | None, bound: str) -> None:
    assert not Check(name="x", value=value, bound=bound, threshold=0.0).passed  # type: ignore[arg-type]


def test_a_gate_with_nothing_to_check_does_not_pass() -> None:
    empty = GateResult(gate="g", model="m", environment="e", evidence_digest="d", checks=())
    with pytest.raises(GateFailed, match="nothing to check"):
        empty.require()


def test_a_refusal_survives_the_way_between_processes() -> None:
    refusal = GateFailed(judge(Thresholds(recall=0.9), recall=0.2))
    again = pickle.loads(pickle.dumps(refusal))
    assert str(again) == str(refusal)
    assert again.result == refusal.result


def good_data(rows: int = 100) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": random.normal(size=rows),
            "age": random.integers(20, 80, rows).astype(float),
            "site": random.choice(["a", "b"], rows),
            "risk": np.arange(rows) % 2,
        }
    )


def judge_data(frame: pd.DataFrame) -> GateResult:
    return judge_data_quality(frame, COLUMNS, LIMITS, model="m_x", environment="dev")


def test_good_data_passes() -> None:
    result = judge_data(good_data())
    assert result.passed, result.failures
    assert result.evidence_digest


def spoil(change: str) -> pd.DataFrame:
    frame = good_data()
    match change:
        case "too few rows":
            return frame.head(19)
        case "empty":
            return frame.head(0)
        case "one outcome":
            frame["risk"] = 1
        case "missing values":
            frame.loc[:10, "size"] = np.nan
        case "repeated rows":
            frame.loc[90:] = frame.loc[0:9].to_numpy()
            frame = frame.astype({"size": float, "age": float, "risk": int})
        case "missing column":
            frame = frame.drop(columns="age")
        case "missing category column":
            frame = frame.drop(columns="site")
        case "missing target":
            frame = frame.drop(columns="risk")
        case "target missing in a row":
            frame["risk"] = frame["risk"].astype(float)
            frame.loc[0, "risk"] = np.nan
        case "target out of range":
            frame.loc[0, "risk"] = 2
        case "text for a number":
            frame["size"] = "large"
        case "infinite":
            frame.loc[0, "size"] = np.inf
    return frame


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("too few rows", "rows"),
        ("empty", "rows"),
        ("one outcome", "outcomes seen"),
        ("missing values", "largest share missing"),
        ("repeated rows", "share of repeated rows"),
        ("missing column", "age"),
        ("missing category column", "site"),
        ("missing target", "risk"),
        ("target missing in a row", "risk"),
        ("target out of range", "risk"),
        ("text for a number", "size"),
        ("infinite", "size: finite"),
    ],
)
def test_bad_data_is_stopped_for_the_reason_that_is_wrong_with_it(change: str, check: str) -> None:
    result = judge_data(spoil(change))
    assert not result.passed
    with pytest.raises(GateFailed, match="data quality") as refused:
        result.require()
    assert check in str(refused.value)
