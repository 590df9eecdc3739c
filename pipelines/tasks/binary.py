"""A risk or none: the model's output is the probability of risk, and a threshold decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from pipelines.tasks.base import Scorer, TaskKind, even_bins
from pipelines.tasks.metrics import BINARY, Metric
from pipelines.tasks.shapes import BinaryShape, Calibration, Confusion, RocCurve

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.signature import Signature

CALIBRATION_BINS: Final = 10
CURVE_POINTS: Final = 500
"""Points that are kept of a longer ROC curve: enough to draw it."""


class BinaryScorer(Scorer):
    """Metrics computed from one ranking of the rows."""

    def __init__(self, truth: np.ndarray, output: np.ndarray, threshold: float, share: float | None = None) -> None:
        """Rank the rows.

        Args:
            truth: 0 or 1, shape ``(rows,)``.
            output: The probability of 1, shape ``(rows,)``.
            threshold: A probability of at least this is flagged.
            share: The training rows' share of 1: the trivial prediction. None: the share of these rows.
        """
        self.truth, self.output, self.decided, self.strata = truth, output, output >= threshold, truth
        self._order = np.argsort(-output, kind="stable")
        ranked = output[self._order]
        self._truth = truth[self._order].astype(float)
        # Rows of equal probability are passed together: the last of each such group.
        self._ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        self._flagged = int((ranked >= threshold).sum())
        self._squared = (ranked - self._truth) ** 2
        self._trivial = ((truth.mean() if share is None else share) - self._truth) ** 2
        self.obstacle = "" if self.rarest else "only one outcome occurs, and both are needed"

    @property
    def facts(self) -> dict[str, float]:
        """Rows, and of either outcome."""
        positives = int(self.truth.sum())
        return {"rows": len(self.truth), "positives": positives, "negatives": len(self.truth) - positives}

    @property
    def rarest(self) -> int:
        """Rows of the rarer outcome."""
        return int(min(self.facts["positives"], self.facts["negatives"]))

    def words(self) -> tuple[np.ndarray, np.ndarray]:
        """Return truth and decision as 0 and 1."""
        return self.truth, self.decided.astype("int64")

    def figures(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Compute every metric for each row of ``weights``.

        Defined as in scikit-learn; precision is 0 where no row is flagged.
        """
        ranked = weights[:, self._order]
        positive = np.cumsum(ranked * self._truth, axis=1)
        everything = np.cumsum(ranked, axis=1)
        tp, seen = positive[:, self._ends], everything[:, self._ends]
        fp = seen - tp
        positives, negatives = tp[:, -1], fp[:, -1]
        gained = np.diff(tp, axis=1, prepend=0.0)
        area = (np.diff(fp, axis=1, prepend=0.0) * (tp - gained / 2)).sum(axis=1)
        precision_there = np.divide(tp, seen, out=np.zeros_like(tp), where=seen > 0)
        if self._flagged:
            caught, called = positive[:, self._flagged - 1], everything[:, self._flagged - 1]
        else:
            caught = called = np.zeros(len(weights))
        squared = ranked @ self._squared
        return {
            "roc_auc": area / (positives * negatives),
            "average_precision": (gained * precision_there).sum(axis=1) / positives,
            "recall": caught / positives,
            "precision": np.divide(caught, called, out=np.zeros(len(weights)), where=called > 0),
            "brier_score": squared / ranked.sum(axis=1),
            "brier_skill": 1 - squared / (ranked @ self._trivial),
        }


class Binary(TaskKind):
    """A risk or none."""

    name: ClassVar[str] = "binary"
    metrics: ClassVar[tuple[Metric, ...]] = BINARY

    def predict(self, pipeline: Any, inputs: pd.DataFrame) -> np.ndarray:
        """Return the probability of risk, as float64 of shape ``(rows,)``."""
        # By label and not by position: which column of predict_proba is the risk must not depend on how classes sort.
        risk = list(pipeline.classes_).index(1)
        probability: np.ndarray = np.asarray(pipeline.predict_proba(inputs), dtype="float64")[:, risk]
        return probability

    def decide(self, output: np.ndarray, signature: Signature) -> np.ndarray:
        """Return whether each probability is at least the decision threshold."""
        flagged: np.ndarray = output >= threshold_of(signature)
        return flagged

    def scorer(self, truth: np.ndarray, output: np.ndarray, signature: Signature) -> BinaryScorer:
        """Return the scorer; its trivial prediction is the training rows' share of risk."""
        labels = signature.training_labels
        return BinaryScorer(truth, output, threshold_of(signature), labels["risk"] / sum(labels.values()))

    def check_truth(self, truth: pd.Series, signature: Signature) -> str:  # noqa: ARG002 - one interface for all
        """Say whether a label is no 0 or 1."""
        mismatches = sorted(map(str, set(truth.unique()) - {0, 1}))
        return f"{truth.name!r} must be 0 or 1; it holds {', '.join(mismatches[:5])}" if mismatches else ""

    def evaluate(self, scorer: Scorer, signature: Signature) -> tuple[dict[str, float], BinaryShape]:
        """Return the metrics, and confusion, ROC curve and calibration."""
        from sklearn import metrics

        truth, output, flagged = scorer.truth, scorer.output, scorer.decided
        tn, fp, fn, tp = (int(n) for n in metrics.confusion_matrix(truth, flagged, labels=[0, 1]).ravel())
        false_positive_rate, true_positive_rate, _ = metrics.roc_curve(truth, output)
        kept = _thin(len(false_positive_rate))
        labels = signature.training_labels
        share = labels["risk"] / sum(labels.values())
        brier = metrics.brier_score_loss(truth, output)
        figures = {
            "roc_auc": metrics.roc_auc_score(truth, output),
            "average_precision": metrics.average_precision_score(truth, output),
            "precision": metrics.precision_score(truth, flagged, zero_division=0),
            "recall": metrics.recall_score(truth, flagged),
            "specificity": tn / (tn + fp),
            "f1": metrics.f1_score(truth, flagged, zero_division=0),
            "brier_score": brier,
            "brier_skill": 1 - brier / metrics.brier_score_loss(truth, np.full(len(truth), share)),
            "accuracy": metrics.accuracy_score(truth, flagged),
        }
        shape = BinaryShape(
            confusion=Confusion(tn=tn, fp=fp, fn=fn, tp=tp),
            roc_curve=RocCurve(
                false_positive_rate=tuple(false_positive_rate[kept]), true_positive_rate=tuple(true_positive_rate[kept])
            ),
            calibration=calibration(truth, output),
        )
        return {name: float(value) for name, value in figures.items()}, shape

    def columns(self, signature: Signature) -> dict[str, str]:  # noqa: ARG002
        """Return the probability of risk and whether it is flagged."""
        return {"risk_probability": "double", "risk_flag": "bool"}

    def values(self, output: np.ndarray, signature: Signature) -> list[Any]:
        """Return probabilities and flags."""
        return [output, self.decide(output, signature)]

    def range_of(self, signature: Signature) -> tuple[float, float]:  # noqa: ARG002
        """Return the range of a probability."""
        return 0.0, 1.0

    def drawn(self, output: np.ndarray) -> np.ndarray:
        """Return the probabilities."""
        return output

    def outcomes(self, decided: np.ndarray, signature: Signature) -> dict[str, int]:  # noqa: ARG002
        """Count rows that are flagged and that are not."""
        flagged = int(decided.sum())
        return {"flagged": flagged, "not flagged": len(decided) - flagged}

    def reference(self, output: np.ndarray, signature: Signature) -> np.ndarray:  # noqa: ARG002
        """Return the probabilities."""
        return output


def threshold_of(signature: Signature) -> float:
    """Return the decision threshold of a model of risk."""
    assert signature.decision_threshold is not None, "a model of risk has a decision threshold"
    return signature.decision_threshold


def calibration(right: np.ndarray, probability: np.ndarray) -> Calibration:
    """Return the mean probability and the share that is ``right``, in ten groups of rows by probability."""
    bins = even_bins(probability, CALIBRATION_BINS)
    sizes = np.bincount(bins)
    return Calibration(
        predicted=tuple(np.bincount(bins, probability) / sizes),
        observed=tuple(np.bincount(bins, right.astype(float)) / sizes),
        count=tuple(map(int, sizes)),
    )


def _thin(points: int) -> np.ndarray:
    """Return positions of at most :data:`CURVE_POINTS` evenly spaced points, the first and last among them."""
    return np.unique(np.linspace(0, points - 1, min(points, CURVE_POINTS)).round().astype(int))


TASK: Final = Binary()
