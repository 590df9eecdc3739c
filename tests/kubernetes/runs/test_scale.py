"""Ten million rows in shards and in one step: the same bytes, in pods that hold far less than all of it."""

from __future__ import annotations

import pytest

from pipelines.resources import EVERY_STEP
from tests.kubernetes.runs import scale
from tests.kubernetes.runs.world import Trained, World, all_runs

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster"), all_runs]

LIMIT = "1Gi"
"""Of each pod; the rows alone, 30 numbers of 8 bytes each, are more than twice that."""


def test_ten_million_rows_in_four_shards_are_the_bytes_of_one_step_in_pods_of_little_memory(
    world: World, trained: Trained
) -> None:
    location = scale.put_rows(world)
    with world.config({EVERY_STEP: {"memory": LIMIT}}, "batch_inference"):
        in_one_step, in_shards = (scale.score(world, location, shards) for shards in (1, scale.PARTS))
    assert in_one_step.rows == in_shards.rows == scale.ROWS
    assert in_one_step.digest == in_shards.digest
    assert {f"shard_predictor_{shard}" for shard in range(scale.PARTS)} <= set(in_shards.peaks)
