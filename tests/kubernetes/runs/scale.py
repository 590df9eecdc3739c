"""A batch of many rows in a team's bucket, scored in one step or in shards, each in a pod of its own."""

from __future__ import annotations

import hashlib
import io
import re
import time
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.datasets import load_breast_cancer

from tests.kubernetes.runs.world import CANCER, World

ROWS = 10_000_000
PARTS = 4
RUNS_OWN = ["run_id", "predicted_at"]
"""Columns that say which run scored, and so are never the same."""
_ROW_GROUP = 100_000


class Scored(NamedTuple):
    """What scoring a batch came to."""

    rows: int
    digest: str
    """SHA-256 over the hash of each published row in order, without what is a run's own."""
    peaks: dict[str, int]
    """The most bytes of memory that each step's process held, as the log has it."""
    seconds: float
    """Of the command, from its start to its end."""


def put_rows(world: World, rows: int = ROWS) -> str:
    """Put ``rows`` rows, drawn from the model's data, into the team's bucket in parts; return where they are."""
    frame, draws = load_breast_cancer(as_frame=True).data, np.random.default_rng(1)
    for number in range(PARTS):
        drawn = frame.iloc[draws.integers(0, len(frame), rows // PARTS)].reset_index(drop=True)
        body = io.BytesIO()
        drawn.to_parquet(body, index=False, row_group_size=_ROW_GROUP)
        body.seek(0)
        world.s3.upload_fileobj(body, world.bucket(), f"many/part-{number}.parquet")
    return f"s3://{world.bucket()}/many/"


def score(world: World, location: str, shards: int) -> Scored:
    """Score what is at ``location`` in dev, in ``shards`` shards."""
    began = time.monotonic()
    told = world.governance("infer", "dev", CANCER, "--data", location, "--shards", str(shards)).ended_well()
    seconds = time.monotonic() - began
    found = re.search(r"rows scored, .*s3://([^/\s]+)/(\S+)", told.out)
    run = re.search(r"^Run (\S+) completed", told.out, re.MULTILINE)
    assert found, told.told
    assert run, told.told
    bucket, prefix = found.groups()
    listed = world.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    keys = sorted(it["Key"] for it in listed if it["Key"].endswith(".parquet"))
    seen, rows = hashlib.sha256(), 0
    for key in keys:
        body = io.BytesIO()
        world.s3.download_fileobj(bucket, key, body)
        for batch in pq.ParquetFile(body).iter_batches(_ROW_GROUP):
            published = batch.to_pandas().drop(columns=RUNS_OWN)
            seen.update(pd.util.hash_pandas_object(published, index=False).to_numpy().tobytes())
            rows += len(published)
    (usage,) = [event for event in world.log(run[1]) if event["kind"] == "run_cost"]
    peaks = {step["step"]: int(step["peak_memory_bytes"]) for step in usage["steps"]}
    return Scored(rows, seen.hexdigest(), peaks, seconds)
