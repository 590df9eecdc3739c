"""Groups of rows at risk or not.

Measures as fairlearn defines them: the equalized odds difference is the larger of the greatest differences between
groups in true and in false positive rate (Hardt et al., 2016); the demographic parity ratio is the smallest share
flagged in a group, divided by the largest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from governance.gates.bootstrap import count_resamples, intervals, seed_from
from governance.gates.result import Measure
from governance.gates.tasks.base import (
    DEMOGRAPHIC_PARITY,
    EQUALIZED_ODDS,
    FairnessMeasure,
    GroupJudge,
    measure_name,
    ratio,
)

if TYPE_CHECKING:
    from environments.model import Champion
    from governance.gates.groups import Groups
    from governance.gates.scored import Scored


class RiskGroups(GroupJudge):
    """Rates by group."""

    fairness: ClassVar[tuple[FairnessMeasure, ...]] = (EQUALIZED_ODDS, DEMOGRAPHIC_PARITY)
    change: ClassVar[str] = "recall difference in "
    judged_rows: ClassVar[str] = "rows at risk"

    def margin(self, limits: Champion) -> float:
        """Return how much recall may fall."""
        return limits.group_recall_margin

    def judged(self, scored: Scored, inside: np.ndarray) -> np.ndarray:
        """Return the rows of the group that are at risk."""
        at_risk: np.ndarray = inside & (scored.truth == 1)
        return at_risk

    def per_row(self, scored: Scored) -> np.ndarray:
        """Return 1 where a row is flagged."""
        return scored.decided.astype(float)

    def measure(self, scored: Scored, groups: Groups, resamples: int) -> list[Measure]:
        """Measure both."""
        return _measure_attribute(scored, groups, resamples)

    def describe(self, scored: Scored, groups: Groups) -> list[Measure]:
        """Describe each group by its share flagged, true and false positive rate and rows."""
        return _describe_groups(scored, groups)


def _measure_attribute(scored: Scored, groups: Groups, resamples: int) -> list[Measure]:
    from fairlearn.metrics import demographic_parity_ratio, equalized_odds_difference  # type: ignore[import-untyped]

    sizes = {name: _sizes(scored, groups, name) for name in groups.names}
    smallest = min(sizes, key=lambda name: sizes[name][0])
    rarest = min(sizes, key=lambda name: min(sizes[name][1:]))
    facts = {"groups": len(sizes), "smallest_group": sizes[smallest][0], "fewest_of_a_class": min(sizes[rarest][1:])}
    detail = f"smallest group {smallest!r}, fewest of an outcome in {rarest!r}"
    names = {measure: measure_name(measure.name, groups.attribute) for measure in (EQUALIZED_ODDS, DEMOGRAPHIC_PARITY)}
    if len(sizes) < 2 or not facts["fewest_of_a_class"]:
        return [Measure(name=name, value=None, facts=facts, detail=detail) for name in names.values()]
    given = {"y_true": scored.truth, "y_pred": scored.decided.astype(int), "sensitive_features": groups.of_row}
    values = {EQUALIZED_ODDS: equalized_odds_difference(**given), DEMOGRAPHIC_PARITY: demographic_parity_ratio(**given)}
    draws = _resample(scored, groups, count_resamples(len(scored.truth), resamples))
    return [
        Measure(
            name=name,
            value=_number(values[measure]),
            intervals=intervals(draws[measure], _number(values[measure]), int(facts["fewest_of_a_class"])),
            facts=facts,
            detail=detail,
        )
        for measure, name in names.items()
    ]


def _number(value: float) -> float:
    """Return ``value``, or 1 for NaN: where nobody is flagged fairlearn divides 0 by 0, yet all groups fare alike."""
    return 1.0 if np.isnan(value) else float(value)


def _sizes(scored: Scored, groups: Groups, name: str) -> tuple[int, int, int]:
    """Return the rows of a group, at risk and not."""
    truth = scored.truth[groups.of_row == name]
    return len(truth), int(truth.sum()), int(len(truth) - truth.sum())


def _resample(scored: Scored, groups: Groups, resamples: int) -> dict[FairnessMeasure, np.ndarray]:
    """Resample both measures, stratified by group and outcome.

    Of a group's rows with one outcome a resample flags a binomial number: that is what drawing them anew amounts to.
    """
    random = np.random.default_rng(seed_from(scored.data_digest))
    rates: dict[int, list[np.ndarray]] = {0: [], 1: []}
    selected = []
    for name in groups.names:
        inside, flagged_there = groups.of_row == name, np.zeros(resamples)
        for outcome in (0, 1):
            flags = scored.decided[inside & (scored.truth == outcome)]
            drawn = random.binomial(len(flags), flags.mean(), resamples)
            rates[outcome].append(drawn / len(flags))
            flagged_there = flagged_there + drawn
        selected.append(flagged_there / inside.sum())
    odds = np.maximum(*(np.ptp(np.stack(rates[outcome]), axis=0) for outcome in (0, 1)))
    least, most = np.min(selected, axis=0), np.max(selected, axis=0)
    return {EQUALIZED_ODDS: odds, DEMOGRAPHIC_PARITY: ratio(least, most)}


def _describe_groups(scored: Scored, groups: Groups) -> list[Measure]:
    """Share flagged, true and false positive rate and rows of each group, for people to read; no limit is set."""
    from fairlearn.metrics import MetricFrame, count, false_positive_rate, selection_rate, true_positive_rate

    by_group = MetricFrame(
        metrics={"selected": selection_rate, "tpr": true_positive_rate, "fpr": false_positive_rate, "rows": count},
        y_true=scored.truth,
        y_pred=scored.decided.astype(int),
        sensitive_features=groups.of_row,
    ).by_group
    return [
        Measure(
            name=f"group {groups.attribute}={name}",
            value=float(row["selected"]),
            facts={
                "true_positive_rate": float(row["tpr"]),
                "false_positive_rate": float(row["fpr"]),
                "rows": row["rows"],
            },
            detail="share flagged",
        )
        for name, row in by_group.iterrows()
    ]


JUDGE: Final = RiskGroups()
