"""Metrics of a team's own: functions by name, which must not fail, must be finite and must repeat themselves."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pipelines.config import MetricRules
from pipelines.errors import PipelineError
from pipelines.functions import load_function

if TYPE_CHECKING:
    from pipelines.tasks.base import Scorer


class OwnMetricError(PipelineError):
    """A metric of a team's own raised, or returned something that is no finite number."""


@dataclass(frozen=True)
class OwnFigure:
    """What an own metric says of some rows; ``problem`` says why it says nothing."""

    value: float | None
    problem: str = ""


class OwnMetric:
    """One own metric on the rows of a scorer."""

    def __init__(self, rules: MetricRules, scorer: Scorer) -> None:
        """Load the function and what it is given.

        Raises:
            FunctionMissingError: the function cannot be loaded.
        """
        assert rules.function is not None, "a built-in metric has no function"
        self._path, self._function = rules.function, load_function(rules.function)
        self._weighted = "sample_weight" in inspect.signature(self._function).parameters
        self._truth, decision = scorer.words()
        self._predicted = scorer.output if rules.of == "output" else decision

    def on(self, weights: np.ndarray) -> float:
        """Compute it on rows that count as often as ``weights`` says, of shape ``(rows,)``.

        Raises:
            OwnMetricError: the function raised, or did not return a finite number.
        """
        # Copies, so that a function that writes into what it is given changes nothing for whoever comes next.
        if self._weighted:
            rows, call = slice(None), partial(self._function, sample_weight=weights.copy())
        else:
            rows, call = np.repeat(np.arange(len(weights)), weights.astype(int)), self._function  # type: ignore[assignment]
        try:
            value = float(call(self._truth[rows].copy(), self._predicted[rows].copy()))
        except Exception as error:
            raise OwnMetricError(f"{self._path} raised {type(error).__name__}: {error}") from error
        if not math.isfinite(value):
            raise OwnMetricError(f"{self._path} returned {value}, which is no finite number")
        return value

    def once(self) -> float:
        """Compute it on all rows, twice.

        Raises:
            OwnMetricError: as for :meth:`on`, or the two differ.
        """
        first, second = (self.on(np.ones(len(self._truth))) for _ in range(2))
        if first != second:
            raise OwnMetricError(f"{self._path} returned {first!r}, then {second!r} for the same rows")
        return first


def own_rules(rules: Mapping[str, MetricRules]) -> dict[str, MetricRules]:
    """Return those of ``rules`` that name a function."""
    return {name: found for name, found in rules.items() if found.function is not None}


def measure_own(rules: Mapping[str, MetricRules], scorer: Scorer) -> dict[str, OwnFigure]:
    """Measure every own metric on a scorer's rows; one that cannot be says why."""
    found = {}
    for name, own in own_rules(rules).items():
        try:
            found[name] = OwnFigure(OwnMetric(own, scorer).once())
        except PipelineError as error:
            found[name] = OwnFigure(None, str(error))
    return found
