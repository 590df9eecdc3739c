"""The metrics of each task: their names, which way is better, and what they say. Nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Direction = Literal["higher", "lower"]

RECALL_OF: Final = "recall of "
"""What the name of one class's recall begins with; the class follows."""


@dataclass(frozen=True)
class Metric:
    """One figure of a model on labelled rows."""

    name: str
    title: str
    meaning: str
    better: Direction = "higher"
    share: bool = True
    """Whether it lies between 0 and 1, so that one without any variation has an exact interval."""
    in_units: bool = False
    """Whether it is in units of the target, so that no environment can set a floor for it."""


BINARY: Final = (
    Metric("roc_auc", "ROC AUC", "How often a risk row is ranked above another row."),
    Metric("average_precision", "Average precision", "Precision, averaged over every level of recall."),
    Metric("recall", "Recall", "Share of risk rows that are flagged."),
    Metric("precision", "Precision", "Share of flagged rows that are a risk."),
    Metric("brier_score", "Brier score", "Mean squared error of the predicted risk.", "lower"),
    Metric(
        "brier_skill",
        "Skill",
        "Share of the Brier score saved over predicting the training rows' share of risk for everybody.",
        share=False,
    ),
)

MULTICLASS: Final = (
    Metric("accuracy", "Accuracy", "Share of rows called right."),
    Metric("balanced_accuracy", "Balanced accuracy", "Mean of the classes' recalls."),
    Metric("least_recall", "Least recall", "Recall of the class that is found least."),
    Metric("macro_f1", "Macro F1", "Mean over classes of the harmonic mean of precision and recall."),
    Metric("macro_roc_auc", "Macro ROC AUC", "Mean over classes of the ROC AUC of each class against the others."),
    Metric("log_loss", "Log loss", "Mean negative log-likelihood of what happened.", "lower", share=False),
    Metric(
        "log_loss_skill",
        "Skill",
        "Share of the log loss saved over predicting the training rows' shares for everybody.",
        share=False,
    ),
    Metric(
        "calibration_error",
        "Calibration error",
        "How far the predicted class's probability is from how often it is right, on average over ten groups.",
        "lower",
    ),
)

REGRESSION: Final = (
    Metric("rmse", "RMSE", "Root of the mean squared error.", "lower", share=False, in_units=True),
    Metric("mae", "MAE", "Mean absolute error.", "lower", share=False, in_units=True),
    Metric(
        "median_absolute_error",
        "Median absolute error",
        "Half of the rows are predicted better than this.",
        "lower",
        share=False,
        in_units=True,
    ),
    Metric("r2", "R²", "Share of the held-out rows' variance that is explained.", share=False),
    Metric(
        "squared_error_skill",
        "Skill",
        "Share of the squared error saved over predicting the training rows' mean for everybody.",
        share=False,
    ),
    Metric(
        "residual_bias",
        "Bias",
        "Distance of the mean residual from 0, in standard deviations of the target.",
        "lower",
        share=False,
    ),
)

METRICS: Final[dict[str, tuple[Metric, ...]]] = {
    "binary": BINARY,
    "multiclass": MULTICLASS,
    "regression": REGRESSION,
}

_TOLD: Final = (
    Metric("specificity", "Specificity", "Share of other rows that are not flagged."),
    Metric("f1", "F1", "Harmonic mean of precision and recall."),
    Metric("accuracy", "Accuracy", "Share of rows called right."),
)
"""Metrics that an evaluation tells of and no gate measures."""


def find_metric(name: str) -> Metric | None:
    """Return the built-in metric ``name``; None for a metric of a team's own."""
    if name.startswith(RECALL_OF):
        found = name.removeprefix(RECALL_OF)
        return Metric(name, f"Recall of {found}", f"Share of the rows of {found} that are called {found}.")
    return next((metric for metric in (*BINARY, *MULTICLASS, *REGRESSION, *_TOLD) if metric.name == name), None)


def metric_of(task: str, name: str) -> Metric | None:
    """Return the built-in metric ``name`` that gates measure of models of ``task``; None where there is none."""
    if name.startswith(RECALL_OF):
        return find_metric(name) if task == "multiclass" else None
    return next((metric for metric in METRICS[task] if metric.name == name), None)
