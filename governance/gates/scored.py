"""Held-out rows as a model scores them: computed by the gates themselves, not taken from a pipeline's word."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.artifacts import LABEL
from pipelines.digests import data_digest
from pipelines.model import TrainedModel, read_model


@dataclass(frozen=True)
class Scored:
    """Rows and what a model says of them; ``truth``, ``probability`` and ``flagged`` have one value a row."""

    frame: pd.DataFrame
    truth: np.ndarray
    probability: np.ndarray
    flagged: np.ndarray
    decision_threshold: float
    data_digest: str
    model_digest: str | None
    trained_on: int = 0
    """Rows that the model was trained on, by their digests."""

    @property
    def evidence(self) -> dict[str, str]:
        """Digests of data and model."""
        model = {} if self.model_digest is None else {"model": self.model_digest}
        return {"data": self.data_digest, **model}

    @property
    def counts(self) -> dict[str, float]:
        """Rows, and of either outcome."""
        positives = int(self.truth.sum())
        return {"rows": len(self.truth), "positives": positives, "negatives": len(self.truth) - positives}


def score_rows(model: TrainedModel, frame: pd.DataFrame) -> Scored:
    """Score ``frame``, which holds the model's input columns and ``risk`` (0 or 1).

    Raises:
        SignatureMismatchError: an input column is missing.
    """
    probability = model.predict_probability(frame)
    return Scored(
        frame=frame,
        truth=frame[LABEL].to_numpy(dtype="int64"),
        probability=probability,
        flagged=model.predict_positive(probability),
        decision_threshold=model.signature.decision_threshold,
        data_digest=data_digest(frame),
        model_digest=model.digest,
        trained_on=int(model.training_rows.holds(frame).sum()),
    )


def score_release(release: Path, digest: str, frame: pd.DataFrame) -> Scored:
    """Score ``frame`` with the model in the folder ``release``, whose digest must be ``digest``.

    Raises:
        ModelTamperedError: the folder's digest is another.
    """
    return score_rows(read_model(release, digest), frame)
