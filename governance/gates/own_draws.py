"""Metrics of a team's own under resampling: of one model's rows, or the difference between two models on the same."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from governance.gates.bootstrap import difference_intervals, intervals
from governance.gates.result import Measure
from pipelines.config import MetricRules
from pipelines.errors import PipelineError
from pipelines.own_metrics import OwnMetric, own_rules
from pipelines.tasks.base import Scorer


class OwnDraws:
    """An own metric of the rows of ``scorer``, less that of ``other`` where one is given.

    ``problem`` says why it has no value; it is empty as long as the function does what it must.
    """

    def __init__(self, rules: MetricRules, scorer: Scorer, other: Scorer | None = None) -> None:
        self.problem, self._draws, self._paired = "", list[float](), other is not None
        try:
            self._metrics = [OwnMetric(rules, each) for each in (scorer, other) if each is not None]
            self._values = [metric.once() for metric in self._metrics]
        except PipelineError as error:
            self.problem = str(error)

    def draw(self, weights: np.ndarray) -> None:
        """Compute it for each row of ``weights``, of shape ``(resamples, rows)``, unless it has failed before."""
        try:
            for row in weights if not self.problem else ():
                self._draws.append(_less([metric.on(row) for metric in self._metrics]))
        except PipelineError as error:
            self.problem = f"of a resample, {error}"

    def measure(self, name: str, facts: dict[str, float]) -> Measure:
        """Return it with its interval, or without a value and why."""
        if self.problem:
            return Measure(name=name, value=None, facts=facts, detail=self.problem)
        draws, value = np.array(self._draws), _less(self._values)
        if not self._paired:
            return Measure(name=name, value=value, intervals=intervals(draws, value, 0, share=False), facts=facts)
        told = " against ".join(f"{each:.4g}" for each in self._values)
        return Measure(name=name, value=value, intervals=difference_intervals(draws), facts=facts, detail=told)


def own_draws(rules: Mapping[str, MetricRules], scorer: Scorer, other: Scorer | None = None) -> dict[str, OwnDraws]:
    """Return every own metric of ``rules`` by name, with nothing drawn yet."""
    return {name: OwnDraws(found, scorer, other) for name, found in own_rules(rules).items()}


def _less(values: list[float]) -> float:
    return values[0] - sum(values[1:])
