"""Groups of rows with a number: how far the model is off, and to which side.

The residual difference is the greatest difference between groups in mean residual (truth less prediction), in standard
deviations of the training rows' target. The error ratio is the smallest mean absolute error of a group, divided by the
largest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from governance.gates.bootstrap import count_resamples, difference_intervals, resample, seed_from
from governance.gates.result import Measure
from governance.gates.tasks.base import FairnessMeasure, GroupJudge, measure_name, ratio
from pipelines.tasks.regression import RegressionScorer

if TYPE_CHECKING:
    from environments.model import Champion
    from governance.gates.groups import Groups
    from governance.gates.scored import Scored

RESIDUAL_DIFFERENCE: Final = FairnessMeasure("residual_difference", "at most", 1e9)
ERROR_RATIO: Final = FairnessMeasure("error_ratio", "at least", 0.0)


class NumberGroups(GroupJudge):
    """Errors and residuals by group."""

    fairness: ClassVar[tuple[FairnessMeasure, ...]] = (RESIDUAL_DIFFERENCE, ERROR_RATIO)
    change: ClassVar[str] = "error difference in "
    smaller_is_better: ClassVar[bool] = True

    def margin(self, limits: Champion) -> float:
        """Return how much the mean absolute error may grow, in standard deviations of the target."""
        return limits.group_error_margin

    def per_row(self, scored: Scored) -> np.ndarray:
        """Return the absolute error, in standard deviations of the target."""
        errors: np.ndarray = np.abs(_residuals(scored))
        return errors

    def measure(self, scored: Scored, groups: Groups, resamples: int) -> list[Measure]:
        """Measure both."""
        names = groups.names
        member = np.stack([groups.of_row == name for name in names], axis=1).astype(float)
        sizes = member.sum(axis=0)
        smallest = int(sizes.argmin())
        facts = {"groups": len(names), "smallest_group": float(sizes[smallest])}
        detail = f"smallest group {names[smallest]!r}"
        labels = [measure_name(measure.name, groups.attribute) for measure in self.fairness]
        if len(names) < 2:
            return [Measure(name=label, value=None, facts=facts, detail=detail) for label in labels]
        residuals = _residuals(scored)

        def differences(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            rows = weights @ member
            means = (weights @ (member * residuals[:, None])) / rows
            errors = (weights @ (member * np.abs(residuals)[:, None])) / rows
            return np.ptp(means, axis=1), ratio(errors.min(axis=1), errors.max(axis=1))

        values = differences(np.ones((1, len(residuals))))
        drawn = count_resamples(len(residuals), resamples)
        pieces = [differences(w) for w in resample(member.argmax(axis=1), drawn, seed_from(scored.data_digest))]
        return [
            Measure(
                name=label,
                value=float(value[0]),
                intervals=difference_intervals(np.concatenate(draws)),
                facts=facts,
                detail=detail,
            )
            for label, value, draws in zip(labels, values, zip(*pieces, strict=True), strict=True)
        ]

    def describe(self, scored: Scored, groups: Groups) -> list[Measure]:
        """Describe each group by its mean residual and error, in standard deviations of the target, and its rows."""
        residuals, found = _residuals(scored), []
        for name in groups.names:
            inside = residuals[groups.of_row == name]
            facts = {"mean_absolute_error": float(np.abs(inside).mean()), "rows": float(len(inside))}
            found.append(
                Measure(
                    name=f"group {groups.attribute}={name}",
                    value=float(inside.mean()),
                    facts=facts,
                    detail="mean residual",
                )
            )
        return found


def _residuals(scored: Scored) -> np.ndarray:
    assert isinstance(scored.scorer, RegressionScorer), "rows with a number"
    residuals: np.ndarray = scored.scorer.residuals / scored.scorer.deviation
    return residuals


JUDGE: Final = NumberGroups()
