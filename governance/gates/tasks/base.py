"""What every task says of groups of rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from governance.gates.bootstrap import difference_intervals
from governance.gates.result import Bound, Measure

if TYPE_CHECKING:
    from environments.model import Champion, Fairness
    from governance.gates.groups import Groups
    from governance.gates.scored import Scored


@dataclass(frozen=True)
class FairnessMeasure:
    """One way in which groups may differ; its limit is the field of that name in the environment's fairness section."""

    name: str
    bound: Bound
    worst: float
    """The worst value there is, which an exemption allows."""

    def limit(self, limits: Fairness) -> float:
        """Return what the environment allows."""
        found: float = getattr(limits, self.name)
        return found


EQUALIZED_ODDS: Final = FairnessMeasure("equalized_odds_difference", "at most", 1.0)
DEMOGRAPHIC_PARITY: Final = FairnessMeasure("demographic_parity_ratio", "at least", 0.0)
"""Of a risk, and of each class against the others."""


class GroupJudge(ABC):
    """What gates measure of groups of a model's rows."""

    fairness: ClassVar[tuple[FairnessMeasure, ...]]
    change: ClassVar[str]
    """How a difference between challenger and champion in a group is called; ``attribute=group`` follows."""
    judged_rows: ClassVar[str] = "rows to compare"
    """What :meth:`judged` returns, in words."""
    smaller_is_better: ClassVar[bool] = False
    """Which way that difference is better."""

    @abstractmethod
    def margin(self, limits: Champion) -> float:
        """Return how much a challenger may lose in a group."""

    @abstractmethod
    def measure(self, scored: Scored, groups: Groups, resamples: int) -> list[Measure]:
        """Measure each of :attr:`fairness` for an attribute, with bootstrap intervals."""

    @abstractmethod
    def describe(self, scored: Scored, groups: Groups) -> list[Measure]:
        """Describe each group, for people to read; no limit is set."""

    def judged(self, scored: Scored, inside: np.ndarray) -> np.ndarray:  # noqa: ARG002 - some tasks ask for less
        """Return which rows of a group a difference is measured on: all of them."""
        return inside

    @abstractmethod
    def per_row(self, scored: Scored) -> np.ndarray:
        """Return the figure of each row whose mean is compared: 1 where caught or right, or the error."""

    def compare(
        self, new: Scored, old: Scored, inside: np.ndarray, name: str, resamples: int, random: np.random.Generator
    ) -> Measure:
        """Measure challenger less champion in one group by the paired bootstrap; the same rows are drawn for both."""
        rows = self.judged(new, inside)
        facts = {"rows": float(inside.sum()), "judged": float(rows.sum())}
        label = f"{self.change}{name}"
        if not rows.any():
            return Measure(name=label, value=None, facts=facts, detail=f"no {self.judged_rows}")
        change = self.per_row(new)[rows] - self.per_row(old)[rows]
        # A mean of n rows drawn anew depends only on how often each different change is drawn.
        values, shares = np.unique(change, return_counts=True)
        draws = random.multinomial(len(change), shares / len(change), size=resamples) @ values / len(change)
        return Measure(name=label, value=float(change.mean()), intervals=difference_intervals(draws), facts=facts)


def measure_name(measure: str, attribute: str) -> str:
    """Return the name of ``measure`` for ``attribute``, as checks carry it."""
    return f"{measure.replace('_', ' ')} by {attribute}"


def ratio(least: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Return ``least / most``, and 1 where both are 0: all groups fare alike."""
    found: np.ndarray = np.divide(least, most, out=np.ones(np.shape(most)), where=most > 0)
    return found
