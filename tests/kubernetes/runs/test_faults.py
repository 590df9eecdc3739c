"""What a run, a night and a promotion come to when a part of the cluster or of the platform goes away meanwhile."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from typing import Any

import pytest

from tests.kubernetes.runs.world import CANCER, Answer, Trained, World, all_runs, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster"), all_runs]

AWAY_SECONDS = 30


def run_of(told: Answer) -> str:
    found = re.search(r"^Run (\S+) completed", told.out, re.MULTILINE)
    assert found, told.told
    return found[1]


def in_one_line(told: Answer, words: str) -> None:
    """Hold that a command failed with a message of ours, and with no traceback."""
    assert told.status == 1, told.told
    assert "Traceback" not in told.err, told.told
    assert re.search(words, told.err), told.told


def each_step_ran_once(world: World, run: str) -> None:
    steps = Counter(pod["metadata"]["labels"].get("step_name") for pod in world.pods_of(run))
    steps.pop(None)
    assert len(steps) > 2, steps
    assert set(steps.values()) == {1}, steps
    kinds = Counter(event["kind"] for event in world.log(run))
    assert (kinds["run_started"], kinds["run_finished"], kinds["run_failed"]) == (1, 1, 0), kinds
    assert world.leftovers() == []


def own_pods(world: World, run: str) -> list[dict[str, Any]]:
    """Return the pods that started the steps of a run."""
    return [pod for pod in world.pods_of(run) if "step_name" not in pod["metadata"]["labels"]]


def publications(world: World, run: str, environment: str = "dev") -> list[str]:
    return [event["outcome"] for event in world.log(run, environment) if event["kind"] == "batch_publication"]


def collected(world: World, environment: str = "dev") -> list[dict[str, Any]]:
    told = world.governance("collect", environment, CANCER, "--json").ended_well()
    found: list[dict[str, Any]] = json.loads(told.out)["collected"][CANCER]["collected"]
    return found


def test_a_run_whose_own_pod_is_killed_or_drained_runs_no_step_twice_and_publishes_once(
    world: World, trained: Trained
) -> None:
    del trained
    command = world.begin("train")
    world.hold_step("data_loader")
    world.kill_own_pod()
    world.release_step("data_loader")
    told = world.ended(command).ended_well()
    each_step_ran_once(world, run_of(told))
    assert len(own_pods(world, run_of(told))) == 2

    command = world.begin("infer")
    name = world.hold_step("predictor", 300)["metadata"]["labels"]["run_name"]
    (own,) = own_pods(world, name)
    world.evict(own)
    world.release_step("predictor")
    told = world.ended(command).ended_well()
    each_step_ran_once(world, run_of(told))
    assert publications(world, run_of(told)) == ["published"]


def test_a_clusters_api_that_is_away_for_some_time_breaks_no_run(world: World, trained: Trained) -> None:
    del trained
    for verb, step in (("train", "model_trainer"), ("infer", "predictor")):
        command = world.begin(verb)
        world.hold_step(step, 300)
        with world.api_away():
            world.release_step(step)
            time.sleep(AWAY_SECONDS)
        told = world.ended(command).ended_well()
        each_step_ran_once(world, run_of(told))


def test_a_run_whose_store_is_gone_fails_in_one_line_and_the_next_enters_it(world: World, trained: Trained) -> None:
    del trained
    command = world.begin("infer")
    world.hold_step("predictor", 300)
    with world.gone("store"):
        world.release_step("predictor")
        told = world.ended(command)
        in_one_line(told, "left could not be recorded|store of artifacts: it refuses or does not answer")
        in_one_line(world.governance("collect"), "Runs of .* are not collected|store of artifacts|does not answer")
    run, _ = world.newest_run()
    (found,) = collected(world)
    assert (found["run"], found["outcome"], found["published"]) == (run, "failed", False)
    assert publications(world, run) == []
    world.governance("infer").ended_well()
    assert world.leftovers() == []


def test_a_run_whose_zenml_is_gone_is_given_up_in_one_line_and_the_next_enters_it(
    world: World, trained: Trained
) -> None:
    del trained
    command = world.begin("train")
    world.hold_step("data_loader")
    with world.gone("zenml"):
        world.release_step("data_loader")
        in_one_line(world.ended(command), "nobody answers for it since 180 s|ZenML")
    run, _ = world.newest_run()

    def entered() -> bool:
        collected(world)
        return any(event["kind"] in ("run_failed", "run_finished") for event in world.log(run))

    wait_for("the end of the run in the log", entered, 1200, every=20)
    world.governance("train").ended_well()
    assert world.leftovers() == []


def test_an_image_whose_registry_is_gone_is_named(world: World) -> None:
    gone = f"localhost:59999/none@sha256:{'0' * 64}"
    with world.environment(images={"training": gone, "inference": gone}):
        told = world.governance("train")
    in_one_line(told, rf"its image {re.escape(gone)} cannot be had .*connection refused")


def test_a_promotion_without_its_store_or_zenml_says_so_in_one_line_and_ends_well_later(world: World) -> None:
    version = world.governance("train").ended_well().version  # another's may be in production
    promotion = ("promote", "staging", CANCER, "--version", version)
    for service in ("store", "zenml"):
        command = world.begin(*promotion)
        time.sleep(8)
        with world.gone(service):
            in_one_line(
                world.ended(command), "does not answer|Could not connect|went away|is away|reading from response stream"
            )
    told = world.governance(*promotion).ended_well()
    assert f"Version {version} of {CANCER} is in staging" in told.out
    mine = [event for event in world.events("staging") if event.get("model_version") == version]
    steps = Counter(event.get("step") for event in mine if event["kind"] == "promotion" and event["model"] == CANCER)
    assert steps["completed"] == 1, steps


def test_a_night_that_goes_on_while_its_schedule_is_repointed_is_published_and_its_token_removed(
    world: World,
) -> None:
    first, second = (world.governance("train").ended_well().version for _ in range(2))
    world.governance("promote", "staging", CANCER, "--version", first).ended_well()
    world.governance("schedule", "staging", CANCER, "--cron", "* * * * *").ended_well()
    (before,) = world.objects("cronjobs", "staging")
    wait_for("a night", lambda: world.objects("pods", "staging"), 120, every=0.5)
    world.governance("promote", "staging", CANCER, "--version", second).ended_well()
    world.governance("schedule", "staging", CANCER, "--cron", "0 2 29 2 *").ended_well()
    kept = {job["metadata"]["name"]: job["spec"].get("suspend") for job in world.objects("cronjobs", "staging")}
    assert kept[before["metadata"]["name"]] is True, "it begins nothing more, and is there for the night that goes on"

    def ended() -> bool:
        collected(world, "staging")
        return len(world.objects("cronjobs", "staging")) == 1

    wait_for("the end of the nights", ended, 600, every=10)
    said = [event for event in world.events("staging") if event["kind"] == "batch_publication"]
    published = [event for event in said if event["outcome"] == "published"]
    assert first in {event["model_version"] for event in published}, said
    batches = [event["batch"] for event in published]
    assert len(set(batches)) == len(batches), "one batch for each minute"
    assert len([name for name in world.leftovers("staging") if name.startswith("zenml-token")]) == 1
    world.governance("schedule", "staging", CANCER, "--delete").ended_well()
    assert world.leftovers("staging") == []
