"""A number in the target's own unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from pipelines.tasks.base import Scorer, TaskKind, even_bins
from pipelines.tasks.metrics import REGRESSION, Metric
from pipelines.tasks.shapes import RegressionShape

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.signature import Signature

GROUPS: Final = 15
RESIDUAL_BINS: Final = 21


class RegressionScorer(Scorer):
    """Metrics of rows with a number."""

    def __init__(self, truth: np.ndarray, output: np.ndarray, mean: float, deviation: float) -> None:
        """Keep the rows.

        Args:
            truth: Numbers, shape ``(rows,)``.
            output: Predicted numbers, shape ``(rows,)``.
            mean: Mean of the training rows: the trivial prediction.
            deviation: Standard deviation of the training rows.
        """
        self.truth, self.output, self.decided = truth, output, output
        self.strata = np.zeros(len(truth), dtype="int64")
        self.deviation, self.residuals = deviation, truth - output
        self._absolute = np.abs(self.residuals)
        self._order = np.argsort(self._absolute, kind="stable")
        self._trivial = (truth - mean) ** 2
        self._centred = truth - (truth.mean() if len(truth) else 0.0)
        distinct = len(np.unique(truth))
        self.obstacle = "" if distinct > 1 else "every row has the same number"

    @property
    def facts(self) -> dict[str, float]:
        """Rows, and different numbers among them."""
        return {"rows": len(self.truth), "distinct": len(np.unique(self.truth))}

    @property
    def rarest(self) -> int:
        """All rows."""
        return len(self.truth)

    def words(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers."""
        return self.truth, self.output

    def figures(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Compute every metric for each row of ``weights``. Defined as in scikit-learn."""
        total = weights.sum(axis=1)
        squared = weights @ self.residuals**2
        spread = weights @ self._centred**2 - (weights @ self._centred) ** 2 / total
        return {
            "rmse": np.sqrt(squared / total),
            "mae": (weights @ self._absolute) / total,
            "median_absolute_error": self._median(weights),
            "r2": 1 - squared / spread,
            "squared_error_skill": 1 - squared / (weights @ self._trivial),
            "residual_bias": np.abs(weights @ self.residuals) / total / self.deviation,
        }

    def _median(self, weights: np.ndarray) -> np.ndarray:
        """Return the weighted median of the absolute errors: the mean of the lower and the upper one."""
        reached = np.cumsum(weights[:, self._order], axis=1)
        half, ranked = reached[:, -1:] / 2, self._absolute[self._order]
        lower = ranked[(reached < half).sum(axis=1)]
        upper = ranked[np.minimum((reached <= half).sum(axis=1), len(ranked) - 1)]
        middle: np.ndarray = (lower + upper) / 2
        return middle


class Regression(TaskKind):
    """A number."""

    name: ClassVar[str] = "regression"
    metrics: ClassVar[tuple[Metric, ...]] = REGRESSION

    def predict(self, pipeline: Any, inputs: pd.DataFrame) -> np.ndarray:
        """Return the predicted number, as float64 of shape ``(rows,)``."""
        return np.asarray(pipeline.predict(inputs), dtype="float64").reshape(len(inputs))

    def decide(self, output: np.ndarray, signature: Signature) -> np.ndarray:  # noqa: ARG002 - one interface for all
        """Return the numbers as they are."""
        return output

    def scorer(self, truth: np.ndarray, output: np.ndarray, signature: Signature) -> RegressionScorer:
        """Return the scorer; its trivial prediction is the training rows' mean."""
        return RegressionScorer(truth, output, signature.label.mean, signature.label.deviation)

    def check_truth(self, truth: pd.Series, signature: Signature) -> str:  # noqa: ARG002
        """Say whether a label is missing or infinite."""
        wrong = int((~np.isfinite(truth.to_numpy(dtype="float64"))).sum())
        return f"{truth.name!r} is missing or infinite in {wrong} of {len(truth)} rows" if wrong else ""

    def evaluate(self, scorer: Scorer, signature: Signature) -> tuple[dict[str, float], RegressionShape]:
        """Return the metrics, and truth by prediction and residuals in groups of rows."""
        from sklearn import metrics

        truth, output, label = scorer.truth, scorer.output, signature.label
        residuals, trivial = truth - output, np.full(len(truth), label.mean)
        figures = {
            "rmse": metrics.root_mean_squared_error(truth, output),
            "mae": metrics.mean_absolute_error(truth, output),
            "median_absolute_error": metrics.median_absolute_error(truth, output),
            "r2": metrics.r2_score(truth, output),
            "squared_error_skill": 1
            - metrics.mean_squared_error(truth, output) / metrics.mean_squared_error(truth, trivial),
            "residual_bias": abs(residuals.mean()) / label.deviation,
        }
        bins = even_bins(output, min(GROUPS, max(1, len(output) // 10)))
        groups = [bins == group for group in range(int(bins.max()) + 1)]
        counts, edges = np.histogram(residuals, bins=RESIDUAL_BINS)
        shape = RegressionShape(
            unit=label.unit,
            predicted=tuple(float(output[rows].mean()) for rows in groups),
            observed=tuple(float(truth[rows].mean()) for rows in groups),
            low=tuple(float(np.quantile(truth[rows], 0.1)) for rows in groups),
            high=tuple(float(np.quantile(truth[rows], 0.9)) for rows in groups),
            count=tuple(int(rows.sum()) for rows in groups),
            residual_edges=tuple(map(float, edges)),
            residual_counts=tuple(map(int, counts)),
        )
        return {name: float(value) for name, value in figures.items()}, shape

    def columns(self, signature: Signature) -> dict[str, str]:  # noqa: ARG002
        """Return the predicted number."""
        return {"predicted_value": "double"}

    def values(self, output: np.ndarray, signature: Signature) -> list[Any]:  # noqa: ARG002
        """Return the predicted numbers."""
        return [output]

    def range_of(self, signature: Signature) -> tuple[float, float]:
        """Return five standard deviations to both sides of the training rows' mean."""
        mean, deviation = signature.label.mean, signature.label.deviation
        return mean - 5 * deviation, mean + 5 * deviation

    def drawn(self, output: np.ndarray) -> np.ndarray:
        """Return the numbers."""
        return output

    def outcomes(self, decided: np.ndarray, signature: Signature) -> dict[str, int]:  # noqa: ARG002
        """Return nothing: numbers are no classes."""
        return {}

    def reference(self, output: np.ndarray, signature: Signature) -> np.ndarray:  # noqa: ARG002
        """Return the numbers."""
        return output


TASK: Final = Regression()
