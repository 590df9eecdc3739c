"""How good a model is on labelled rows. The positive class is risk in every figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from pipelines.artifacts import LABEL
from pipelines.digests import data_digest
from pipelines.errors import PipelineError
from pipelines.model import TrainedModel
from pipelines.strict import StrictModel

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]

CALIBRATION_BINS: Final = 10
CURVE_POINTS: Final = 500
"""Points that are kept of a longer ROC curve: enough to draw it."""


class EvaluationError(PipelineError):
    """A model cannot be judged on these rows; the message says why."""


class Metrics(StrictModel):
    """Figures between 0 and 1; for ``brier_score`` smaller is better. ``precision`` is 0 where no row is flagged."""

    roc_auc: Share
    average_precision: Share
    precision: Share
    recall: Share
    specificity: Share
    f1: Share
    brier_score: Share
    accuracy: Share


class Confusion(StrictModel):
    """Rows by truth and decision; positive is risk."""

    tn: Count
    fp: Count
    fn: Count
    tp: Count


class RocCurve(StrictModel):
    """Points of the receiver operating characteristic, from (0, 0) to (1, 1)."""

    false_positive_rate: tuple[Share, ...]
    true_positive_rate: tuple[Share, ...]


class Calibration(StrictModel):
    """Rows in groups of about equal size by predicted probability: the mean prediction, the share at risk, the size."""

    predicted: tuple[Share, ...]
    observed: tuple[Share, ...]
    count: tuple[Count, ...]


class Evaluation(StrictModel):
    """A model's figures on one set of rows."""

    model: str
    risk: str = Field(description="In words: what a risk of 1 says of a row.")
    rows: Count
    positives: Count
    decision_threshold: Share
    metrics: Metrics
    confusion: Confusion
    roc_curve: RocCurve
    calibration: Calibration
    data_digest: str
    model_digest: str | None = Field(description="None for a model that has not been saved yet.")


def evaluate(model: TrainedModel, frame: pd.DataFrame) -> Evaluation:
    """Judge ``model`` on ``frame``, which holds its input columns and ``risk`` (0 or 1).

    Raises:
        EvaluationError: there is no label, it is not 0 or 1, or only one of the two occurs.
        SignatureMismatchError: an input column is missing.
    """
    from sklearn import metrics

    truth = _truth(frame)
    probability = model.predict_probability(frame)
    flagged = model.predict_positive(probability)
    tn, fp, fn, tp = (int(n) for n in metrics.confusion_matrix(truth, flagged, labels=[0, 1]).ravel())
    false_positive_rate, true_positive_rate, _ = metrics.roc_curve(truth, probability)
    kept = _thin(len(false_positive_rate))
    return Evaluation(
        model=model.signature.model,
        risk=model.signature.risk.meaning,
        rows=len(truth),
        positives=int(truth.sum()),
        decision_threshold=model.signature.decision_threshold,
        metrics=Metrics(
            roc_auc=metrics.roc_auc_score(truth, probability),
            average_precision=metrics.average_precision_score(truth, probability),
            precision=metrics.precision_score(truth, flagged, zero_division=0),
            recall=metrics.recall_score(truth, flagged),
            specificity=tn / (tn + fp),
            f1=metrics.f1_score(truth, flagged, zero_division=0),
            brier_score=metrics.brier_score_loss(truth, probability),
            accuracy=metrics.accuracy_score(truth, flagged),
        ),
        confusion=Confusion(tn=tn, fp=fp, fn=fn, tp=tp),
        roc_curve=RocCurve(
            false_positive_rate=tuple(false_positive_rate[kept]), true_positive_rate=tuple(true_positive_rate[kept])
        ),
        calibration=_calibration(truth, probability),
        data_digest=data_digest(frame),
        model_digest=model.digest,
    )


def _truth(frame: pd.DataFrame) -> np.ndarray:
    if LABEL not in frame.columns:
        raise EvaluationError(f"the rows have no column {LABEL!r}, so there is nothing to compare predictions with")
    if not len(frame):
        raise EvaluationError("there are no rows to evaluate on")
    mismatches = sorted(map(str, set(frame[LABEL].unique()) - {0, 1}))
    if mismatches:
        raise EvaluationError(f"{LABEL!r} must be 0 or 1; it holds {', '.join(mismatches[:5])}")
    truth: np.ndarray = frame[LABEL].to_numpy(dtype="int64")
    if truth.min() == truth.max():
        raise EvaluationError(
            f"all {len(truth)} rows have a risk of {truth[0]}; a model can only be judged on rows of both classes"
        )
    return truth


def _thin(points: int) -> np.ndarray:
    """Return positions of at most :data:`CURVE_POINTS` evenly spaced points, the first and last among them."""
    import numpy as np

    return np.unique(np.linspace(0, points - 1, min(points, CURVE_POINTS)).round().astype(int))


def _calibration(truth: np.ndarray, probability: np.ndarray) -> Calibration:
    import pandas as pd

    rows = pd.DataFrame({"truth": truth, "probability": probability})
    # Ranked, so that equal probabilities cannot make a bin's edges coincide.
    bins = pd.qcut(rows["probability"].rank(method="first"), min(CALIBRATION_BINS, len(rows)), labels=False)
    groups = rows.groupby(bins)
    return Calibration(
        predicted=tuple(groups["probability"].mean()),
        observed=tuple(groups["truth"].mean()),
        count=tuple(int(n) for n in groups.size()),
    )
