"""A batch in shards, each in a pod of its own: the same rows as from one step, whatever is away or killed meanwhile."""

from __future__ import annotations

import io
import re
import time
from collections import Counter

import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

from tests.kubernetes.runs.scale import RUNS_OWN
from tests.kubernetes.runs.world import CANCER, Trained, World, all_runs

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster"), all_runs]

AWAY_SECONDS = 25
"""As long as an upgrade of a server takes."""


@pytest.fixture(scope="module")
def parts(world: World) -> str:
    """A folder of two parts in the team's bucket."""
    frame, bucket = load_breast_cancer(as_frame=True).data, world.bucket()
    for number, part in enumerate((frame[:300], frame[300:])):
        world.s3.put_object(Bucket=bucket, Key=f"arrived/part-{number}.parquet", Body=part.to_parquet(index=False))
    return f"s3://{bucket}/arrived/"


def predictions(world: World, out: str) -> tuple[str, pd.DataFrame]:
    """Return where the predictions are that a command tells of, and the rows there in the order of their parts."""
    found = re.search(r"569 rows scored, .*s3://([^/]+)/(\S+)", out)
    assert found, out
    bucket, prefix = found.groups()
    keys = [it["Key"] for it in world.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    parts = sorted(key for key in keys if key.endswith(".parquet"))
    bodies = [world.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in parts]
    return prefix, pd.concat([pd.read_parquet(io.BytesIO(body)) for body in bodies], ignore_index=True)


def published_folders(world: World) -> set[str]:
    listed = world.s3.list_objects_v2(Bucket=world.bucket(), Prefix="predictions/").get("Contents", ())
    return {it["Key"].rpartition("/")[0] for it in listed if "/_pending/" not in it["Key"]}


@pytest.fixture(scope="module")
def in_one_step(world: World, trained: Trained, parts: str) -> str:
    """What a command printed that scored all parts in one step, while ZenML and the store were away for some time."""
    command = world.begin("infer", "dev", CANCER, "--data", parts)
    world.hold_step("predictor", 300)
    with world.away("zenml", "store"):
        world.release_step("predictor")
        time.sleep(AWAY_SECONDS)
    out, err = command.communicate(timeout=400)
    assert command.returncode == 0, (out, err)
    return out


def run_of(out: str) -> str:
    completed = re.search(r"^Run (\S+) completed", out, re.MULTILINE)
    assert completed, out
    return completed[1]


def test_a_batch_ends_well_and_is_published_once_although_zenml_and_the_store_were_away(
    world: World, in_one_step: str
) -> None:
    kinds = [event["kind"] for event in world.log(run_of(in_one_step))]
    assert [kinds.count(kind) for kind in ("run_started", "run_finished", "batch_publication")] == [1, 1, 1]
    assert world.leftovers() == []


def test_shards_in_pods_give_the_rows_of_one_step_and_a_killed_one_is_tried_alone(
    world: World, parts: str, in_one_step: str
) -> None:
    with world.config({"shard_predictor": {"retries": 1, "memory": "1Gi"}}, "batch_inference"):
        command = world.begin("infer", "dev", CANCER, "--data", parts, "--shards", "2")
        world.hold_step("shard_predictor_1", 300)
        before = published_folders(world)
        world.kill_step("shard_predictor_1")
        out, err = command.communicate(timeout=400)
    assert command.returncode == 0, (out, err)
    run = run_of(out)
    pods = Counter(pod["metadata"]["labels"].get("step_name") for pod in world.pods_of(run))
    assert [pods[f"shard_predictor_{shard}"] for shard in range(2)] == [1, 2]
    assert pods["validate_input"] == 1, "the gate judges the merged profile"
    (_, expected), (folder, scored) = predictions(world, in_one_step), predictions(world, out)
    pd.testing.assert_frame_equal(scored.drop(columns=RUNS_OWN), expected.drop(columns=RUNS_OWN), check_exact=True)
    assert published_folders(world) - before == {folder.rstrip("/")}, "nothing is public before all parts are there"
    published = [event["outcome"] for event in world.log(run) if event["kind"] == "batch_publication"]
    assert published == ["published"]
    assert world.leftovers() == []
