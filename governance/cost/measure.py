"""Measuring what a piece of work uses of its process: wall time, CPU time, peak memory."""

from __future__ import annotations

import resource
import sys
import threading
import time
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

SAMPLE_SECONDS = 0.05
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""``ru_maxrss`` is in bytes on macOS and in KiB on Linux (getrusage(2))."""


@dataclass(frozen=True)
class Measured:
    """What was used."""

    wall_seconds: float
    cpu_seconds: float
    """Of this process with all its threads, and of children that have ended."""
    peak_memory_bytes: int
    """The largest resident memory of this process while it was measured. Where several steps share one process, what
    earlier steps left in memory counts too: it was needed to run this one."""
    process_seconds: float = 0.0
    """How long this process has been there, starting and importing included."""


class Meter:
    """Measures from its making to :meth:`stop`.

    Peak memory is exact where the work raised the process's own high-water mark, which the system keeps; else it is
    the largest of samples taken every :data:`SAMPLE_SECONDS`, as the mark then belongs to earlier work.
    """

    def __init__(self) -> None:
        self._wall, self._cpu, self._mark = time.perf_counter(), _cpu_seconds(), _high_water_mark()
        self._process, self._ended = psutil.Process(), threading.Event()
        self._sampled = self._process.memory_info().rss
        self._sampler = threading.Thread(target=self._sample, name="memory-meter", daemon=True)
        self._sampler.start()

    def stop(self) -> Measured:
        """Return what was used since the start."""
        wall, cpu, mark = time.perf_counter() - self._wall, _cpu_seconds() - self._cpu, _high_water_mark()
        self._ended.set()
        self._sampler.join()
        peak = mark if mark > self._mark else max(self._sampled, self._process.memory_info().rss)
        return Measured(wall, cpu, peak, max(wall, time.time() - self._process.create_time()))

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self._sampled = max(self._sampled, self._process.memory_info().rss)


def _cpu_seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _high_water_mark() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT
