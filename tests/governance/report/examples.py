"""A made-up report that has every part, close to what a real one holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from governance.gates.result import Check, GateResult
from governance.report.data import (
    CalibrationBin,
    Comparison,
    Confusion,
    EvaluationEvidence,
    GateOutcome,
    HistogramBin,
    HistoryEntry,
    Lane,
    Metric,
    Node,
    Predictions,
    ReportData,
    RunRecord,
    Subject,
)

NOON = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
MODEL_DIGEST = "9f2c4e7a" * 8
DATA_DIGEST = "03ab77d1" * 8
TRAINING_DIGEST = "c6e1f0b2" * 8
COMMIT = "4be1a09c" * 5
LOCK = "77aa10ff" * 8


def report_data(**changes: Any) -> ReportData:
    """The example, with fields replaced."""
    return ReportData(**{**_fields(), **changes})


def subject(**changes: Any) -> Subject:
    """The example's subject, with fields replaced."""
    return _fields()["subject"].model_copy(update=changes)


def _fields() -> dict[str, Any]:
    return {
        "written": NOON + timedelta(hours=2),
        "subject": Subject(
            model="breast_cancer_classifier",
            description="Malignancy of a breast mass, from cell nuclei in a fine needle aspirate.",
            version="3",
            stage="production",
            environment="production",
            cloud="local",
            team="oncology",
            owners=("oncology-ml@example.com",),
            cost_center="cc-oncology",
            task="binary",
            meaning="malignant tumour",
            rule="target is 0",
            estimator="logistic_regression",
            decision_threshold=0.4,
            source="sklearn:breast_cancer",
            digest=MODEL_DIGEST,
        ),
        "environments": ("dev", "staging", "production"),
        "approvals_needed": 1,
        "metrics": (
            Metric(
                name="roc_auc",
                value=0.99634,
                bound="at least",
                thresholds={"dev": 0.95, "staging": 0.96, "production": 0.97},
            ),
            Metric(
                name="average_precision",
                value=0.99417,
                bound="at least",
                thresholds={"dev": 0.9, "staging": 0.93, "production": 0.95},
            ),
            Metric(
                name="recall",
                value=0.95312,
                bound="at least",
                thresholds={"dev": 0.85, "staging": 0.88, "production": 0.9},
            ),
            Metric(
                name="brier_score",
                value=0.02153,
                bound="at most",
                thresholds={"dev": 0.1, "staging": 0.08, "production": 0.06},
            ),
            Metric(
                name="precision",
                value=0.96825,
                bound="at least",
                thresholds={"dev": None, "staging": None, "production": None},
            ),
        ),
        "evaluation": EvaluationEvidence(
            run="validation_pipeline-staging-5ab0c1d2e3f4",
            environment="staging",
            rows=171,
            labels={"other": 107, "risk": 64},
            decision_threshold=0.4,
            data_digest=DATA_DIGEST,
            confusion=Confusion(true_positive=61, false_negative=3, false_positive=2, true_negative=105),
            roc=((0, 0), (0, 0.61), (0.009, 0.875), (0.0187, 0.953), (0.065, 0.984), (0.21, 1), (1, 1)),
            calibration=(
                CalibrationBin(predicted=0.011, observed=0.01, rows=99),
                CalibrationBin(predicted=0.14, observed=0.125, rows=8),
                CalibrationBin(predicted=0.31, observed=0.4, rows=5),
                CalibrationBin(predicted=0.55, observed=0.75, rows=4),
                CalibrationBin(predicted=0.72, observed=0.83, rows=6),
                CalibrationBin(predicted=0.98, observed=1, rows=49),
            ),
        ),
        "gates": (
            _gate("dev", "training_pipeline-dev-1f0a9b8c7d6e", "data quality", TRAINING_DIGEST, 3.0),
            _gate("dev", "training_pipeline-dev-1f0a9b8c7d6e", "model performance", DATA_DIGEST, 2.9),
            _gate("staging", "validation_pipeline-staging-5ab0c1d2e3f4", "data quality", DATA_DIGEST, 2.0),
            _gate("staging", "validation_pipeline-staging-5ab0c1d2e3f4", "model performance", DATA_DIGEST, 1.9),
        ),
        "lineage": _lanes(),
        "runs": (
            _run("training", "dev", "training_pipeline-dev-1f0a9b8c7d6e", 3.0),
            _run("validation", "staging", "validation_pipeline-staging-5ab0c1d2e3f4", 2.0),
            _run("batch inference", "production", "batch_inference_pipeline-production-0c9d8e7f6a5b", 0.5),
        ),
        "history": (
            _entry(-300.0, "production", "promotion completed", "1", ("edsger@example.com",)),
            _entry(2.5, "staging", "promotion requested", "3", ()),
            _entry(2.4, "staging", "promotion completed", "3", ()),
            _entry(1.2, "production", "promotion requested", "3", ("grace@example.com",)),
            _entry(1.1, "production", "promotion completed", "3", ("grace@example.com",)),
        ),
        "predictions": Predictions(
            run="batch_inference_pipeline-production-0c9d8e7f6a5b",
            time=NOON - timedelta(hours=0.5),
            rows=12569,
            outcomes={"flagged": 4881, "not flagged": 7688},
            mean=0.38,
            source="s3://clinic/november.parquet",
            uri="/ground/environments/production/oncology/artifacts/predictions/breast_cancer_classifier/0c9d8e7f6a5b.parquet",
            quantiles={0.0: 0.0001, 0.25: 0.0041, 0.5: 0.0362, 0.75: 0.9571, 1.0: 0.99999},
            histogram=tuple(
                HistogramBin(low=i / 10, high=(i + 1) / 10, rows=rows)
                for i, rows in enumerate((6820, 510, 240, 118, 97, 88, 120, 190, 486, 3900))
            ),
        ),
        "previous": Comparison(
            version="1",
            metrics={
                "roc_auc": 0.98921,
                "average_precision": 0.98002,
                "recall": 0.92188,
                "brier_score": 0.03377,
                "precision": 0.96825,
            },
            rows=171,
            data_digest=DATA_DIGEST,
        ),
    }


def _gate(environment: str, run: str, gate: str, digest: str, hours_ago: float) -> GateOutcome:
    checks = (
        (
            Check(name="breaches of the schema", value=0, bound="at most", threshold=0),
            Check(name="rows", value=398, bound="at least", threshold=50),
            Check(name="outcomes seen", value=2, bound="at least", threshold=2),
            Check(
                name="largest share missing", value=0.0, bound="at most", threshold=0.2, detail="column 'mean radius'"
            ),
            Check(name="share of repeated rows", value=0.0, bound="at most", threshold=0.05),
        )
        if gate == "data quality"
        else (
            Check(name="roc_auc", value=0.99634, bound="at least", threshold=0.96),
            Check(name="recall", value=0.95312, bound="at least", threshold=0.88),
            Check(name="brier_score", value=0.02153, bound="at most", threshold=0.08),
        )
    )
    result = GateResult(
        gate=gate,
        model="breast_cancer_classifier",
        environment=environment,
        policy_version="policy-0123456789abcdef",
        evidence={"data": digest},
        checks=checks,
    )
    section = "Data quality" if gate == "data quality" else ""
    time = NOON - timedelta(hours=hours_ago)
    return GateOutcome(run=run, environment=environment, time=time, section=section, result=result)


def _lanes() -> tuple[Lane, ...]:
    def node(kind: str, title: str, *facts: str, digest: str | None = None) -> Node:
        stored = kind != "source"
        return Node(
            kind=kind,
            title=title,
            facts=facts,
            digest=digest,
            artifact_id=f"{len(kind):08d}-1111-4222-8333-444455556666" if stored else None,
            uri=f"/ground/environments/dev/oncology/artifacts/steps/{kind}/b1c2d3" if stored else None,
        )

    return (
        Lane(
            environment="dev",
            purpose="training",
            run="training_pipeline-dev-1f0a9b8c7d6e",
            time=NOON - timedelta(hours=3),
            nodes=(
                node("source", "sklearn:breast_cancer"),
                node("training_data", "Training data", "398 rows", "148 at risk", digest=TRAINING_DIGEST),
                node("validation_data", "Validation data", "171 rows", "64 at risk", digest=DATA_DIGEST),
                node("features", "Features", "30 columns", digest="5d" * 32),
                node("model", "Model", "logistic regression", digest=MODEL_DIGEST),
                node("evaluation", "Evaluation", "171 rows", digest=DATA_DIGEST),
            ),
        ),
        Lane(
            environment="staging",
            purpose="validation",
            run="validation_pipeline-staging-5ab0c1d2e3f4",
            time=NOON - timedelta(hours=2),
            nodes=(
                node("validation_data", "Validation data", "171 rows", digest=DATA_DIGEST),
                node("release", "Release", "copy in staging", digest=MODEL_DIGEST),
                node("evaluation", "Evaluation", "171 rows", digest=DATA_DIGEST),
            ),
        ),
        Lane(
            environment="production",
            purpose="batch inference",
            run="batch_inference_pipeline-production-0c9d8e7f6a5b",
            time=NOON - timedelta(hours=0.5),
            nodes=(
                node("input_profile", "Scored data", "s3://clinic/november.parquet", "12 569 rows", digest="e4" * 32),
                node("release", "Release", "copy in production", digest=MODEL_DIGEST),
                node("predictions", "Predictions", "12 569 rows", "4 881 flagged"),
            ),
        ),
    )


def _run(purpose: Any, environment: str, name: str, hours_ago: float) -> RunRecord:
    return RunRecord(
        purpose=purpose,
        name=name,
        id="2f7e1c3a-8f5b-4a43-9d39-0a6f1d6b6f11",
        environment=environment,
        status="completed",
        started=NOON - timedelta(hours=hours_ago),
        duration=timedelta(seconds=8.4),
        started_by="ada",
        git_commit=COMMIT,
        git_dirty=False,
        lock_digest=LOCK,
        tracked=("MLflow", "b7d4a1c29e0f4c5db7d4a1c29e0f4c5d"),
        url="https://zenml.example.com/runs/2f7e1c3a" if purpose == "training" else None,
    )


def _entry(hours_ago: float, environment: str, kind: str, version: str, approvers: tuple[str, ...]) -> HistoryEntry:
    return HistoryEntry(
        time=NOON - timedelta(hours=abs(hours_ago)),
        environment=environment,
        kind=kind,
        version=version,
        actor="ada@example.com",
        approvers=approvers,
        reason="",
    )
