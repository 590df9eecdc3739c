"""What Groundwork costs on this machine: ``make benchmark`` prints one table. No test asserts a duration.

Each module here is a benchmark: its function ``measure``, given an empty folder and, if one likes, a size,
yields the figures it measured.
"""

from __future__ import annotations

import importlib
import pkgutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

_Result = TypeVar("_Result")
Measure = Callable[..., Iterator["Figure"]]


@dataclass(frozen=True)
class Figure:
    """One measured value, what it should be at most (or at least), and what it is compared with in the same run."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_least: bool = False
    baseline: float | None = None

    @property
    def met(self) -> bool:
        """Whether the goal was reached; a figure without one always is."""
        return self.goal is None or (self.value >= self.goal if self.at_least else self.value <= self.goal)


def timed(work: Callable[[], _Result]) -> tuple[_Result, float]:
    """Return what ``work`` returned, and the seconds it took by the clock."""
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def benchmarks() -> dict[str, Measure]:
    """Return every benchmark by the name of its module."""
    names = [found.name for found in pkgutil.iter_modules(__path__) if found.name != "__main__"]
    return {name: importlib.import_module(f"{__name__}.{name}").measure for name in names}
