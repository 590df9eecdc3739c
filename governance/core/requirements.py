"""What a model must reach in an environment, by the metrics of its task and its team's own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from environments import Environment
from environments.strict import StrictModel
from pipelines.config import ModelConfig, Task
from pipelines.tasks.metrics import Direction, metric_of

Bound = Literal["at least", "at most"]


class Requirement(StrictModel):
    """A limit of one metric."""

    better: Direction
    limit: float
    unit: str = ""

    @property
    def bound(self) -> Bound:
        """Which side of the limit is allowed."""
        return "at most" if self.better == "lower" else "at least"

    def __str__(self) -> str:
        """Return the limit as a person reads it."""
        return f"{'<=' if self.better == 'lower' else '>='} {self.limit:g}{f' {self.unit}' if self.unit else ''}"

    def stricter(self, other: Requirement | None) -> Requirement:
        """Return the stricter of the two."""
        if other is None or (self.limit >= other.limit) == (self.better == "higher"):
            return self
        return other


class Requirements(StrictModel):
    """Thresholds that a model of ``task`` must clear, and by how much it may lose against the version in use."""

    task: Task = "binary"
    thresholds: dict[str, Requirement] = Field(default={})
    margins: dict[str, Requirement] = Field(default={})
    own: tuple[str, ...] = Field(
        default=(), description="Metrics of the team's own: each must be computed, whether it has a limit or not."
    )

    @classmethod
    def of(cls, environment: Environment, config: ModelConfig) -> Requirements:
        """Return what ``environment`` and ``config`` ask together.

        A limit of the config's own counts where it is stricter than the environment's floor, or where that has none:
        it cannot weaken anything.
        """
        floors = environment.thresholds_for(config.model).required()
        margins = environment.gates.champion.margins.required()
        thresholds, differences = _of_task(config.task, floors), _of_task(config.task, margins)
        for name, rules in config.metrics.items():
            known = metric_of(config.task, name)
            better: Direction = rules.better or (known.better if known is not None else "higher")
            unit = rules.unit or (config.target.unit if known is not None and known.in_units else "")
            if rules.limit is not None:
                own = Requirement(better=better, limit=rules.limit, unit=unit)
                thresholds[name] = own.stricter(thresholds.get(name))
            if rules.margin is not None:
                # A smaller margin is the stricter one, whichever way the metric is better.
                floor = differences.get(name)
                least = rules.margin if floor is None else min(floor.limit, rules.margin)
                differences[name] = Requirement(better=better, limit=least, unit=unit)
        own_names = tuple(name for name, rules in config.metrics.items() if rules.function is not None)
        return cls(task=config.task, thresholds=thresholds, margins=differences, own=own_names)

    def required(self) -> dict[str, float]:
        """Return the metrics that have a threshold, by name."""
        return {name: requirement.limit for name, requirement in self.thresholds.items()}


def _of_task(task: Task, limits: dict[str, float]) -> dict[str, Requirement]:
    found = {name: metric_of(task, name) for name in limits}
    return {
        name: Requirement(better=metric.better, limit=limits[name])
        for name, metric in found.items()
        if metric is not None
    }
