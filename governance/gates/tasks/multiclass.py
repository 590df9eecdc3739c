"""Groups of rows with one of several classes: each class against the others, and the worst of them.

The measures are those of a risk (see ``binary.py``), taken for each class in turn. Of a group's rows of one class a
resample calls a multinomial number this or that: that is what drawing them anew amounts to.
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


class ClassGroups(GroupJudge):
    """Rates by group of each class against the others."""

    fairness: ClassVar[tuple[FairnessMeasure, ...]] = (EQUALIZED_ODDS, DEMOGRAPHIC_PARITY)
    change: ClassVar[str] = "accuracy difference in "

    def margin(self, limits: Champion) -> float:
        """Return how much the share called right may fall."""
        return limits.group_accuracy_margin

    def per_row(self, scored: Scored) -> np.ndarray:
        """Return 1 where the class is right."""
        right: np.ndarray = (scored.decided == scored.truth).astype(float)
        return right

    def measure(self, scored: Scored, groups: Groups, resamples: int) -> list[Measure]:
        """Measure both, of the class that fares worst."""
        classes = scored.scorer.output.shape[1]
        tables = {name: _table(scored, groups.of_row == name, classes) for name in groups.names}
        sizes = {name: table.sum() for name, table in tables.items()}
        fewest = {name: table.sum(axis=1).min() for name, table in tables.items()}
        smallest, rarest = min(sizes, key=lambda n: sizes[n]), min(fewest, key=lambda n: fewest[n])
        facts = {
            "groups": len(tables), "smallest_group": float(sizes[smallest]), "fewest_of_a_class": float(fewest[rarest])
        }  # fmt: skip
        detail = f"smallest group {smallest!r}, fewest of a class in {rarest!r}"
        names = [measure_name(measure.name, groups.attribute) for measure in self.fairness]
        if len(tables) < 2 or not fewest[rarest]:
            return [Measure(name=name, value=None, facts=facts, detail=detail) for name in names]
        every = list(tables.values())
        values = _differences([table[None] for table in every])
        random, drawn = np.random.default_rng(seed_from(scored.data_digest)), []
        for table in every:
            rows = [
                random.multinomial(int(counts.sum()), counts / counts.sum(), size=count_resamples(
                    len(scored.truth), resamples
                ))
                for counts in table
            ]  # fmt: skip
            drawn.append(np.stack(rows, axis=1))
        return [
            Measure(
                name=name,
                value=float(value[0]),
                intervals=intervals(draws, float(value[0]), int(fewest[rarest])),
                facts=facts,
                detail=detail,
            )
            for name, value, draws in zip(names, values, _differences(drawn), strict=True)
        ]

    def describe(self, scored: Scored, groups: Groups) -> list[Measure]:
        """Describe each group by the share called right, its rows, and each class's share among what is predicted."""
        found = []
        for name in groups.names:
            inside = groups.of_row == name
            called = np.bincount(scored.decided[inside], minlength=scored.scorer.output.shape[1]) / inside.sum()
            facts = {
                "rows": float(inside.sum()),
                **{f"called_{label}": float(share) for label, share in enumerate(called)},
            }
            right = float(self.per_row(scored)[inside].mean())
            found.append(
                Measure(name=f"group {groups.attribute}={name}", value=right, facts=facts, detail="share called right")
            )
        return found


def _table(scored: Scored, inside: np.ndarray, classes: int) -> np.ndarray:
    """Count the rows of a group by true class, then by predicted class."""
    cells = np.bincount(scored.truth[inside] * classes + scored.decided[inside], minlength=classes * classes)
    return cells.reshape(classes, classes)


def _differences(tables: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return both measures from one table a group, each of shape ``(resamples, true class, predicted class)``."""
    true_rates, false_rates, shares = [], [], []
    for table in tables:
        actual, right = table.sum(axis=2), np.diagonal(table, axis1=1, axis2=2)
        called, rows = table.sum(axis=1), table.sum(axis=(1, 2))[:, None]
        true_rates.append(right / actual)
        false_rates.append((called - right) / (rows - actual))
        shares.append(called / rows)
    odds = np.maximum(np.ptp(np.stack(true_rates), axis=0), np.ptp(np.stack(false_rates), axis=0)).max(axis=1)
    least, most = np.min(shares, axis=0), np.max(shares, axis=0)
    return odds, ratio(least, most).min(axis=1)


JUDGE: Final = ClassGroups()
