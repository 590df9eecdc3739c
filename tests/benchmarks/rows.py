"""Gates on many rows: the performance interval, drift, and which rows a model was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from governance.gates.drift import measure_drift
from governance.gates.performance import measure_performance
from pipelines.reference import describe_rows
from pipelines.row_digests import RowDigests
from tests.benchmarks import Figure, timed
from tests.governance.gates.conftest import scored
from tests.governance.gates.test_performance import simulate
from tests.pipelines.conftest import make_patients

ROWS = 100_000


def measure(folder: Path, rows: int = ROWS) -> Iterator[Figure]:
    """Measure performance on half of ``rows``, drift between all and others, and digests of all."""
    truth, probability = simulate(rows // 2, np.random.default_rng(3))
    _, seconds = timed(lambda: measure_performance(scored(truth, probability), resamples=2_000))
    yield Figure(f"gate: performance, {rows // 2:,} rows", seconds, "s", 3)
    columns = ["dose", "visits", "ward", "smoker", "outcome"]
    before, after = (make_patients(rows, seed)[columns].rename(columns={"outcome": "label"}) for seed in (5, 6))
    reference, described = timed(lambda: describe_rows(before))
    _, seconds = timed(lambda: measure_drift(reference, after, bins=10))
    yield Figure(f"gate: drift, {rows:,} rows", seconds, "s", 3, baseline=described)
    known, made = timed(lambda: RowDigests.of(before, salt_from="0123456789abcdef" * 4))
    held, seconds = timed(lambda: known.holds(before))
    assert held.all()
    yield Figure(f"row digests: looked up, {rows:,} rows", seconds, "s", 3, baseline=made)
    yield Figure(f"row digests: size, {rows:,} rows", len(known.to_bytes()) / 1e6, "MB", 1)
