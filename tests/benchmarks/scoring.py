"""Scoring a batch with every check, beside only reading, predicting and writing it: time and peak memory.

The raw side is the script that one would write with pyarrow and scikit-learn alone; in pieces it is the same on pieces
of 65,536 rows, which is faster where memory is slow. Each runs in a process of its own, on the same file and model, and
is not timed before its libraries are loaded.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from pipelines.model import save_model
from tests.benchmarks import Figure
from tests.pipelines.conftest import config_of, train

ROWS, COLUMNS = 1_000_000, 30
GOALS: Final = ((10_000_000, 1.5), (0, 2.0))
"""From how many rows on, how many times the raw seconds are allowed."""
MEMORY_GOAL: Final = 1_000.0

RUN = r"""
import json, re, sys, time
from datetime import UTC, datetime
from pathlib import Path
import pyarrow as pa, pyarrow.csv, pyarrow.parquet as pq
from pipelines.config import ModelConfig
from pipelines.input_profile import open_input, profile_input
from pipelines.model import read_model
from pipelines.scoring import Batch, score

def raw():
    table = pq.read_table(data)
    probability = model.pipeline.predict_proba(table.to_pandas())[:, 1]
    pq.write_table(pa.table({"probability": probability}), output)
    yield

def raw_csv():
    probability = model.pipeline.predict_proba(pa.csv.read_csv(data).to_pandas())[:, 1]
    pq.write_table(pa.table({"probability": probability}), output)
    yield

def raw_in_pieces():
    with pq.ParquetWriter(output, pa.schema([("probability", pa.float64())])) as writer:
        for piece in pq.ParquetFile(data).iter_batches(65_536):
            probability = model.pipeline.predict_proba(piece.to_pandas())[:, 1]
            writer.write_table(pa.table({"probability": probability}))
    yield

def checked():
    profile = profile_input(config, model.signature, data)
    yield
    with open(output, "wb") as file:
        score(model, open_input(config, model.signature, data), profile, Batch("1", "r", datetime.now(UTC)), file, data)
    yield

kind, warm_up, folder, digest, config, data, output = sys.argv[1:]
config, model = ModelConfig.model_validate_json(config), read_model(Path(folder), digest)
wanted, data = data, warm_up
work = {"raw": raw, "raw_in_pieces": raw_in_pieces, "raw_csv": raw_csv}.get(kind, checked)
list(work())
data, times = wanted, [time.perf_counter()]
for _ in work():
    times.append(time.perf_counter())
# Not getrusage, whose peak is inherited from the process that started this one.
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
print(json.dumps([[after - before for before, after in zip(times, times[1:])], peak / 1024]))
"""


def measure(folder: Path, rows: int = ROWS) -> Iterator[Figure]:
    """Score ``rows`` rows of 30 numbers both ways, the raw way first so that both find the file in memory."""
    names = [f"x{number}" for number in range(COLUMNS)]
    random = np.random.default_rng(0)
    example = pd.DataFrame(random.normal(size=(500, COLUMNS)), columns=names)
    example.assign(y=example["x0"] > 0).to_parquet(folder / "train.parquet")
    example.to_parquet(folder / "warm_up.parquet")
    config = config_of(
        folder / "train.parquet",
        target={"column": "y", "meaning": "is ill", "risk_values": [True]},
        id_column=None,
        features={"numeric": names},
        sensitive=[],
    )
    digest = save_model(train(config)[0], folder / "model")
    with pq.ParquetWriter(folder / "data.parquet", pa.schema([(name, pa.float64()) for name in names])) as writer:
        for start in range(0, rows, ROWS):
            piece = random.normal(size=(COLUMNS, min(ROWS, rows - start)))
            writer.write_table(pa.table(list(piece), names=names))

    def spent(way: str, kind: str = "parquet") -> tuple[list[float], float]:
        parts = [folder / f"warm_up.{kind}", folder / "model", digest, config.model_dump_json()]
        arguments = [way, *parts, folder / f"data.{kind}", folder / f"{way}_{kind}.parquet"]
        done = subprocess.run(
            [sys.executable, "-c", RUN, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True
        )
        seconds, peak = json.loads(done.stdout)
        return seconds, peak

    (raw, raw_peak), (pieces, pieces_peak), (steps, peak) = map(spent, ("raw", "raw_in_pieces", "checked"))
    allowed = next(times for least, times in GOALS if rows >= least)
    shown = f"{rows:,} rows of {COLUMNS} numbers"
    yield Figure(f"scoring: {shown}, both steps", sum(steps), "s", allowed * sum(raw), baseline=sum(raw))
    yield Figure("scoring: of it, checking every value", steps[0], "s")
    yield Figure("scoring: raw in pieces", sum(pieces), "s", baseline=sum(raw))
    yield Figure("scoring: memory", peak, "MB", MEMORY_GOAL, baseline=raw_peak)
    yield Figure("scoring: memory, raw in pieces", pieces_peak, "MB", baseline=raw_peak)
    if rows <= ROWS:  # of more, the text alone would fill a disk
        example.to_csv(folder / "warm_up.csv", index=False)
        pa.csv.write_csv(pq.read_table(folder / "data.parquet"), folder / "data.csv")
        (raw, raw_peak), (steps, peak) = spent("raw_csv", "csv"), spent("checked", "csv")
        yield Figure("scoring: the same as CSV, both steps", sum(steps), "s", baseline=sum(raw))
        yield Figure("scoring: of it, checking every value", steps[0], "s")
        yield Figure("scoring: memory, CSV", peak, "MB", MEMORY_GOAL, baseline=raw_peak)
