"""Held-out rows as a model scores them: computed by the gates themselves, not taken from a pipeline's word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.config import MetricRules
from pipelines.digests import data_digest
from pipelines.evaluation import score
from pipelines.model import TrainedModel, read_model
from pipelines.tasks.base import Scorer


@dataclass(frozen=True)
class Scored:
    """Rows and what a model says of them."""

    frame: pd.DataFrame
    task: str
    scorer: Scorer
    data_digest: str
    model_digest: str | None
    own: Mapping[str, MetricRules] = field(default_factory=dict)
    """The team's own metrics."""
    trained_on: int = 0
    """Rows that the model was trained on, by their digests."""

    @property
    def truth(self) -> np.ndarray:
        """The label of each row."""
        return self.scorer.truth

    @property
    def decided(self) -> np.ndarray:
        """The decision on each row: whether it is flagged, the class's label, or the number."""
        return self.scorer.decided

    @property
    def evidence(self) -> dict[str, str]:
        """Digests of data and model."""
        model = {} if self.model_digest is None else {"model": self.model_digest}
        return {"data": self.data_digest, **model}


def score_rows(model: TrainedModel, frame: pd.DataFrame) -> Scored:
    """Score ``frame``, which holds the model's input columns and the label.

    Raises:
        EvaluationError: a label is none that the model knows, or there are no rows.
        SignatureMismatchError: an input column is missing.
    """
    return Scored(
        frame=frame,
        task=model.signature.task,
        scorer=score(model, frame),
        data_digest=data_digest(frame),
        model_digest=model.digest,
        own=model.signature.metrics,
        trained_on=int(model.training_rows.holds(frame).sum()),
    )


def score_release(release: Path, digest: str, frame: pd.DataFrame) -> Scored:
    """Score ``frame`` with the model in the folder ``release``, whose digest must be ``digest``.

    Raises:
        ModelTamperedError: the folder's digest is another.
    """
    return score_rows(read_model(release, digest), frame)
