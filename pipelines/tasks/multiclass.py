"""One of several classes: the model's output is a probability for each, and the most probable one is predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from pipelines.tasks.base import Scorer, TaskKind, even_bins
from pipelines.tasks.binary import CALIBRATION_BINS, BinaryScorer, calibration
from pipelines.tasks.metrics import MULTICLASS, RECALL_OF, Metric
from pipelines.tasks.shapes import MulticlassShape

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.signature import Signature

_LEAST: Final = float(np.finfo("float64").eps)
"""Probabilities are kept this far from 0 and 1 in the log loss, as scikit-learn does."""


class MulticlassScorer(Scorer):
    """Metrics of rows with one of ``classes``."""

    def __init__(
        self, truth: np.ndarray, output: np.ndarray, classes: tuple[str, ...], shares: np.ndarray | None = None
    ) -> None:
        """Keep the rows.

        Args:
            truth: Labels from 0, shape ``(rows,)``.
            output: Probabilities, shape ``(rows, classes)``.
            classes: Names of the labels.
            shares: The training rows' share of each class: the trivial prediction. None: the shares of these rows.
        """
        self.classes, self.truth, self.output = classes, truth, output
        self.decided, self.strata = output.argmax(axis=1), truth
        self._sizes = np.bincount(truth, minlength=len(classes))
        absent = [name for name, size in zip(classes, self._sizes, strict=True) if not size]
        self.obstacle = f"no row is of class {', '.join(absent)}, and every class is needed" if absent else ""
        shares = self._sizes / max(len(truth), 1) if shares is None else shares
        chosen = np.clip(output[np.arange(len(truth)), truth], _LEAST, 1)
        self._loss, self._trivial = -np.log(chosen), -np.log(np.clip(shares[truth], _LEAST, 1))
        self._true, self._called = (np.eye(len(classes))[labels] for labels in (truth, self.decided))
        right, confidence = (self.decided == truth).astype(float), output.max(axis=1)
        bins = even_bins(confidence, CALIBRATION_BINS)
        self._gaps = np.zeros((len(truth), int(bins.max(initial=0)) + 1))
        self._gaps[np.arange(len(truth)), bins] = right - confidence
        # Each class against the others is a binary question, of which only the ranking counts.
        self._one_against_others = [
            BinaryScorer((truth == label).astype("int64"), output[:, label], 0.5) for label in range(len(classes))
        ]

    @property
    def facts(self) -> dict[str, float]:
        """Rows, and those of the rarest class."""
        return {"rows": len(self.truth), "rarest_class": self.rarest}

    @property
    def rarest(self) -> int:
        """Rows of the rarest class."""
        return int(self._sizes.min())

    def words(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the names of the true and of the predicted class."""
        names = np.array(self.classes, dtype=object)
        return names[self.truth], names[self.decided]

    def figures(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Compute every metric for each row of ``weights``, and each class's recall. Defined as in scikit-learn."""
        total = weights.sum(axis=1)
        actual, called = weights @ self._true, weights @ self._called
        right = weights @ (self._true * self._called)
        recall, loss = right / actual, weights @ self._loss
        areas = [scorer.figures(weights)["roc_auc"] for scorer in self._one_against_others]
        return {
            "accuracy": right.sum(axis=1) / total,
            "balanced_accuracy": recall.mean(axis=1),
            "least_recall": recall.min(axis=1),
            "macro_f1": (2 * right / (actual + called)).mean(axis=1),
            "macro_roc_auc": np.mean(areas, axis=0),
            "log_loss": loss / total,
            "log_loss_skill": 1 - loss / (weights @ self._trivial),
            "calibration_error": np.abs(weights @ self._gaps).sum(axis=1) / total,
            **{RECALL_OF + name: recall[:, label] for label, name in enumerate(self.classes)},
        }


class Multiclass(TaskKind):
    """One of several classes."""

    name: ClassVar[str] = "multiclass"
    metrics: ClassVar[tuple[Metric, ...]] = MULTICLASS

    def predict(self, pipeline: Any, inputs: pd.DataFrame) -> np.ndarray:
        """Return the probability of each class, as float64 of shape ``(rows, classes)``, in the order of labels."""
        found = np.asarray(pipeline.predict_proba(inputs), dtype="float64")
        ordered: np.ndarray = found[:, np.argsort(np.asarray(pipeline.classes_).astype("int64"))]
        return ordered

    def decide(self, output: np.ndarray, signature: Signature) -> np.ndarray:  # noqa: ARG002 - one interface for all
        """Return the label of the most probable class."""
        labels: np.ndarray = output.argmax(axis=1)
        return labels

    def scorer(self, truth: np.ndarray, output: np.ndarray, signature: Signature) -> MulticlassScorer:
        """Return the scorer; its trivial prediction is the training rows' share of each class."""
        return MulticlassScorer(truth, output, signature.label.classes, _shares(signature))

    def check_truth(self, truth: pd.Series, signature: Signature) -> str:
        """Say whether a label is none of the classes'."""
        classes = signature.label.classes
        mismatches = sorted(map(str, set(truth.unique()) - set(range(len(classes)))))
        told = ", ".join(mismatches[:5])
        return f"{truth.name!r} must be a whole number from 0 to {len(classes) - 1}; it holds {told}" if told else ""

    def evaluate(self, scorer: Scorer, signature: Signature) -> tuple[dict[str, float], MulticlassShape]:
        """Return the metrics, and confusion and calibration."""
        from sklearn import metrics

        truth, output, called, classes = scorer.truth, scorer.output, scorer.decided, signature.label.classes
        labels = list(range(len(classes)))
        recalls = metrics.recall_score(truth, called, labels=labels, average=None, zero_division=0)
        shares = np.tile(_shares(signature), (len(truth), 1))
        loss = metrics.log_loss(truth, output, labels=labels)
        areas = [metrics.roc_auc_score(truth == label, output[:, label]) for label in labels]
        groups = calibration(called == truth, output.max(axis=1))
        gaps = np.abs(np.subtract(groups.observed, groups.predicted))
        figures = {
            "accuracy": metrics.accuracy_score(truth, called),
            "balanced_accuracy": metrics.balanced_accuracy_score(truth, called),
            "least_recall": recalls.min(),
            "macro_f1": metrics.f1_score(truth, called, labels=labels, average="macro", zero_division=0),
            "macro_roc_auc": np.mean(areas),
            "log_loss": loss,
            "log_loss_skill": 1 - loss / metrics.log_loss(truth, shares, labels=labels),
            "calibration_error": np.dot(gaps, groups.count) / len(truth),
            **{RECALL_OF + name: value for name, value in zip(classes, recalls, strict=True)},
        }
        shape = MulticlassShape(
            classes=classes,
            confusion=tuple(map(tuple, metrics.confusion_matrix(truth, called, labels=labels).tolist())),
            calibration=groups,
        )
        return {name: float(value) for name, value in figures.items()}, shape

    def columns(self, signature: Signature) -> dict[str, str]:
        """Return the predicted class, its probability, and that of every class."""
        every = {f"probability_{name}": "double" for name in signature.label.classes}
        return {"predicted_class": "string", "probability": "double", **every}

    def values(self, output: np.ndarray, signature: Signature) -> list[Any]:
        """Return classes and probabilities."""
        names = np.array(signature.label.classes, dtype=object)
        return [names[output.argmax(axis=1)], output.max(axis=1), *np.ascontiguousarray(output.T)]

    def range_of(self, signature: Signature) -> tuple[float, float]:  # noqa: ARG002
        """Return the range of a probability."""
        return 0.0, 1.0

    def drawn(self, output: np.ndarray) -> np.ndarray:
        """Return the probability of each row's predicted class."""
        highest: np.ndarray = output.max(axis=1)
        return highest

    def outcomes(self, decided: np.ndarray, signature: Signature) -> dict[str, int]:
        """Count the rows of each predicted class."""
        classes = signature.label.classes
        counts = np.bincount(decided, minlength=len(classes))
        return {name: int(count) for name, count in zip(classes, counts, strict=True)}

    def reference(self, output: np.ndarray, signature: Signature) -> np.ndarray:
        """Return the name of each row's predicted class."""
        named: np.ndarray = np.array(signature.label.classes, dtype=object)[output.argmax(axis=1)]
        return named


def _shares(signature: Signature) -> np.ndarray:
    counts = np.array([signature.training_labels[name] for name in signature.label.classes], dtype=float)
    shares: np.ndarray = counts / counts.sum()
    return shares


TASK: Final = Multiclass()
