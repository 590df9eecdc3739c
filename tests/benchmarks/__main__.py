"""``python -m tests.benchmarks [NAME…]``: measure and print one table.

With STRICT=1 a goal that is missed is an error.
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
    """Measure the benchmarks called ``names``, or all, and return the exit status."""
    known = benchmarks()
    if unknown := sorted(set(names) - set(known)):
        sys.stderr.write(f"There is no benchmark {', '.join(unknown)}; choose from {', '.join(known)}.\n")
        return 2
    figures: list[Figure] = []
    for name in names or known:
        with tempfile.TemporaryDirectory(prefix=f"benchmark-{name}-") as folder:
            figures += known[name](Path(folder))
    Console(width=None if sys.stdout.isatty() else 120).print(table_of(figures))
    return int(os.environ.get("STRICT") == "1" and not all(figure.met for figure in figures))


if __name__ == "__main__":
    from tests.conftest import pytest_sessionfinish

    try:
        sys.exit(main(sys.argv[1:]))
    finally:
        pytest_sessionfinish()
