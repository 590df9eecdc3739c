"""``python -m tests.benchmarks [NAME[=SIZE]…]``: measure and print one table.

``SIZE`` is what the benchmark's ``measure`` takes first after its folder, such as a number of rows. With STRICT=1 a
goal that is missed is an error.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import Figure, benchmarks


def table_of(figures: Iterable[Figure]) -> Table:
    """Lay the figures out, each beside its goal and its baseline."""
    table = Table("name", "figure", "unit", "goal", "baseline", box=None)
    for figure in figures:
        goal = "" if figure.goal is None else f"{'at least' if figure.at_least else 'at most'} {figure.goal:,.5g}"
        baseline = "" if figure.baseline is None else f"{figure.baseline:,.5g}"
        goal += "" if figure.met else " (missed)"
        table.add_row(figure.name, f"{figure.value:,.5g}", figure.unit, goal, baseline)
    return table


def main(names: Sequence[str]) -> int:
    """Measure the benchmarks called ``names``, each with its size if given, or all, and return the exit status."""
    known = benchmarks()
    chosen = [(name, size) for name, _, size in (entry.partition("=") for entry in names or known)]
    if unknown := sorted({name for name, _ in chosen} - set(known)):
        sys.stderr.write(f"There is no benchmark {', '.join(unknown)}; choose from {', '.join(known)}.\n")
        return 2
    if wrong := [size for _, size in chosen if size and not size.isdecimal()]:
        sys.stderr.write(f"The size {wrong[0]!r} is no number; write, for example, scoring=10000000.\n")
        return 2
    figures: list[Figure] = []
    for name, size in chosen:
        with tempfile.TemporaryDirectory(prefix=f"benchmark-{name}-") as folder:
            figures += known[name](Path(folder), *([int(size)] if size else []))
    Console(width=None if sys.stdout.isatty() else 120).print(table_of(figures))
    return int(os.environ.get("STRICT") == "1" and not all(figure.met for figure in figures))


if __name__ == "__main__":
    from tests.conftest import pytest_sessionfinish

    try:
        sys.exit(main(sys.argv[1:]))
    finally:
        pytest_sessionfinish()
