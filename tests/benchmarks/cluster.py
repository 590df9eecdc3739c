"""What runs take in the pods of a cluster that may be worked on: a training beside one here, shards beside one step."""

from __future__ import annotations

import os
import sqlite3
import statistics
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.benchmarks import Figure, timed
from tests.infra.aws.cloud import require_provider
from tests.kubernetes.conftest import VARIABLE, cluster_at_hand
from tests.kubernetes.runs import scale
from tests.kubernetes.runs.world import CANCER, World, image_at_hand, world

GOAL_SECONDS = 70
"""On two cores: 20 in one process, and some six until a pod's step begins."""


class Times(NamedTuple):
    """When a step's pod was made, its container began, its step began and ended, and its container ended."""

    made: datetime
    container_began: datetime
    step_began: datetime
    step_ended: datetime
    container_ended: datetime

    def seconds(self, since: str, until: str) -> float:
        """Return the seconds between two of them."""
        between = getattr(self, until) - getattr(self, since)
        return float(between.total_seconds())


PHASES = {
    "until its container begins": ("made", "container_began"),
    "until its step begins": ("container_began", "step_began"),
    "its step": ("step_began", "step_ended"),
    "until its container ends": ("step_ended", "container_ended"),
}


def measure(folder: Path) -> Iterator[Figure]:
    """Time the command in a world of its own; where that is not asked for or cannot be, say so only."""
    if not os.environ.get("ALL_RUNS"):
        sys.stderr.write("cluster: not measured. It takes some ten minutes: ALL_RUNS=1 make benchmark ARGS=cluster\n")
        return
    try:
        api = cluster_at_hand()
        require_provider()
        image = image_at_hand()
    except pytest.skip.Exception as missing:
        sys.stderr.write(f"cluster: not measured. {missing}\n")
        return
    if image is None:
        sys.stderr.write("cluster: not measured. The registry holds no training image of this checkout.\n")
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", os.environ[VARIABLE])
        with world(folder, api, image, environments=("dev",)) as made:
            for command in ("apply", "register"):
                made.administer(command, *(["--yes"] if command == "apply" else []), "--cloud", "local")
            made.governance("train").ended_well()  # the node pulls the image, and the copy's bytecode is written
            _, here = timed(lambda: made.governance("train", "dev", CANCER, "--cloud", "local").ended_well())
            _, there = timed(lambda: made.governance("train").ended_well())
            times = _times(made, made.newest_run()[0])
            location = scale.put_rows(made)
            whole, divided = (scale.score(made, location, shards) for shards in (1, scale.PARTS))
    yield Figure("cluster: training, eight steps in pods", there, "s", GOAL_SECONDS, baseline=here)
    for name, (since, until) in PHASES.items():
        mean = statistics.mean(pod.seconds(since, until) for pod in times.values())
        yield Figure(f"cluster: a pod, {name}, on average", mean, "s")
    rows = f"cluster: {whole.rows:,} rows in {scale.PARTS} shards"
    yield Figure(rows, divided.seconds, "s", baseline=whole.seconds)
    most, alone = (max(scored.peaks.values()) / 2**20 for scored in (divided, whole))
    yield Figure(f"{rows}, most memory of a step", most, "MiB", baseline=alone)


def _times(made: World, run: str) -> dict[str, Times]:
    """Read the times of a run's pods, to the second, and of its steps, by step."""
    with closing(sqlite3.connect(f"file:{made.folder / 'zenml.db'}?mode=ro", uri=True)) as database:
        steps = {
            name: (_utc(began), _utc(ended))
            for name, began, ended in database.execute(
                "SELECT s.name, s.start_time, s.end_time FROM step_run s JOIN pipeline_run p "
                "ON s.pipeline_run_id = p.id WHERE p.name = ?",
                (run,),
            )
        }
    found = {}
    for pod in made.objects("pods"):
        labels: dict[str, Any] = pod["metadata"]["labels"]
        if labels.get("run_name") == run and labels.get("step_name") in steps:
            ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
            found[labels["step_name"]] = Times(
                _utc(pod["metadata"]["creationTimestamp"]),
                _utc(ended["startedAt"]),
                *steps[labels["step_name"]],
                _utc(ended["finishedAt"]),
            )
    assert found.keys() == steps.keys(), (sorted(found), sorted(steps))
    return found


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
