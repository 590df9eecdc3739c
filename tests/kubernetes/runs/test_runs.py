"""Governed runs in pods of a real cluster behave like runs here, and end as such, however they end."""

from __future__ import annotations

import json
import re
import signal
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from kubernetes.utils.quantity import parse_quantity

from tests.kubernetes.runs.world import Answer, Trained, World, all_runs

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]


def kinds(world: World, run: str) -> list[str]:
    return [event["kind"] for event in world.log(run)]


def test_a_run_in_pods_ends_well_and_is_on_record(world: World, trained: Trained) -> None:
    run, out = trained.run, trained.out
    assert "roc_auc" in out
    for step in ("data_loader", "validate_data_quality", "model_trainer", "validate_fairness"):
        assert re.search(rf"^  {step} finished in [0-9.]+s$", out, re.MULTILINE), "a line per step, as here"
    assert {"run_started", "gate_verdict", "run_finished"} <= set(kinds(world, run))
    assert world.leftovers() == []


def test_what_a_step_asks_for_arrives_in_its_pod(world: World, trained: Trained) -> None:
    (pod,) = [pod for pod in step_pods(world, trained.run) if pod["metadata"]["labels"]["step_name"] == "model_trainer"]
    spec = pod["spec"]
    assert spec["containers"][0]["resources"] == {
        "requests": {"cpu": "500m", "memory": "1Gi"},
        "limits": {"cpu": "500m", "memory": "1Gi"},
    }
    assert spec["nodeSelector"] == {"kubernetes.io/hostname": "node"}
    assert {"key": "spot", "operator": "Exists", "effect": "NoSchedule"} in spec["tolerations"]
    assert pod["metadata"]["annotations"]["example.com/ticket"] == "42"
    (job,) = [job for job in world.objects("jobs") if job["metadata"]["name"] == pod["metadata"]["labels"]["job-name"]]
    assert job["spec"]["activeDeadlineSeconds"] == 1800


def test_each_step_costs_what_its_pod_asked_for_as_long_as_it_stood(world: World, trained: Trained) -> None:
    (usage,) = [event for event in world.log(trained.run) if event["kind"] == "run_cost"]
    assert usage["missing"] == []
    steps = {pod["metadata"]["labels"]["step_name"]: pod for pod in step_pods(world, trained.run)}
    assert {step["step"] for step in usage["steps"]} == set(steps)
    cluster = world.cluster_settings()
    for step in usage["steps"]:
        pod = steps[step["step"]]
        asked = pod["spec"]["containers"][0]["resources"]["requests"]
        an_hour = parse_quantity(asked["cpu"]) * Decimal(str(cluster["prices"]["cpu_hour"]))
        an_hour += parse_quantity(asked["memory"]) / 2**30 * Decimal(str(cluster["prices"]["gb_hour"]))
        expected = an_hour * Decimal(str(step["pod_seconds"])) / 3600
        assert Decimal(step["cost"]) == pytest.approx(expected, abs=Decimal("0.000001")), step
        assert 0 < step["pod_seconds"] <= stood_seconds(pod) + 1, "a second is the cluster's finest"
    assert Decimal(usage["cost"]) == sum(Decimal(step["cost"]) for step in usage["steps"])


def step_pods(world: World, run: str) -> list[dict[str, Any]]:
    return [pod for pod in world.pods_of(run) if "step_name" in pod["metadata"]["labels"]]


def stood_seconds(pod: dict[str, Any]) -> float:
    """Return for how long the container of a pod that ended was there."""
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    began, over = (datetime.fromisoformat(ended[at]) for at in ("startedAt", "finishedAt"))
    return (over - began).total_seconds()


def test_every_pod_runs_the_image_by_digest_and_holds_no_key(world: World, trained: Trained) -> None:
    objects = [*world.objects("pods"), *world.objects("jobs")]
    assert len(objects) > 8
    specs = [found["spec"].get("template", found)["spec"] for found in objects]
    assert {container["image"] for spec in specs for container in spec["containers"]} == {world.image}
    assert "@sha256:" in world.image
    text = json.dumps(objects)
    for held in (world.variables["ZENML_STORE_API_KEY"], world.variables["AWS_SECRET_ACCESS_KEY"]):
        assert held not in text
    assert re.findall(r"eyJ[A-Za-z0-9_-]+\.eyJ", text) == [], "a token stands in clear"
    plain = [
        variable["name"]
        for spec in specs
        for container in spec["containers"]
        for variable in container.get("env", ())
        if re.search("TOKEN|KEY|PASSWORD|SECRET", variable["name"]) and "value" in variable
    ]
    assert plain == []
    assert {spec["containers"][0]["securityContext"]["runAsNonRoot"] for spec in specs} == {True}


def test_a_failed_gate_ends_the_command_with_its_own_sentence(world: World) -> None:
    rules = {"minimum_rows": 10_000, "missing_share": 0.2, "duplicate_share": 0.05}
    with world.environment(data_quality={**rules, "outside_share": 0.1, "unseen_share": 0.05}):
        told = world.governance("train")
    assert told.status == 1, told.told
    assert re.search(
        r"Gate 'data quality' stopped breast_cancer_classifier in dev: rows \d+ must be at least", told.err
    )
    run, status = world.newest_run()
    assert status == "failed"
    assert "run_failed" in kinds(world, run)
    assert world.leftovers() == []


def failed(world: World, told: Answer, sentence: str, reason: str) -> None:
    """Hold what a command said of a broken run, and what is on record, against what must be."""
    assert told.status == 1, told.told
    assert re.search(sentence, told.err), told.told
    run, status = world.newest_run()
    assert status == "failed"
    (event,) = [event for event in world.log(run) if event["kind"] == "run_failed"]
    assert event["error_type"] == reason
    assert world.leftovers() == []


@all_runs
def test_a_step_with_too_little_memory_is_named_with_its_limit(world: World) -> None:
    with world.config({"data_loader": {"memory": "150Mi"}}):
        told = world.governance("train")
    failed(world, told, r"Step data_loader needed more memory than its limit of 150Mi and was killed", "OOMKilled")


@all_runs
def test_an_image_that_is_gone_is_named(world: World) -> None:
    gone = f"{world.image.partition('@')[0]}@sha256:{'0' * 64}"
    with world.environment(images={"training": gone, "inference": gone}):
        told = world.governance("train")
    failed(world, told, rf"its image {re.escape(gone)} cannot be had", "ImagePullBackOff")


@all_runs
def test_a_full_quota_and_a_full_cluster_are_told_after_the_time_that_a_step_may_wait(world: World) -> None:
    namespace = world.namespace()
    world.kubectl("create", "quota", "full", "--hard=pods=1", "--namespace", namespace)
    try:
        with world.environment(limits={"start_minutes": 1}):
            told = world.governance("train")
    finally:
        world.kubectl("delete", "quota", "full", "--namespace", namespace)
    failed(world, told, r"Step data_loader found no room in 1 minutes: .*exceeded quota: full", "FailedCreate")
    with world.environment(limits={"start_minutes": 1}), world.config({"data_loader": {"cpu": 7}}):
        told = world.governance("train")
    failed(world, told, r"Step data_loader found no node in 1 minutes: .*Insufficient cpu", "Unschedulable")


def test_a_killed_step_and_a_drained_one_are_told_apart(world: World) -> None:
    command = world.begin("train")
    world.hold_step("data_loader")
    world.kill_step("data_loader")
    failed(world, world.ended(command), r"Step data_loader was killed \(SIGKILL, exit code 137\)", "Killed")
    command = world.begin("train")
    pod = world.hold_step("data_loader")
    world.evict(pod)
    failed(
        world, world.ended(command), "Step data_loader was taken off its node .* no failure of the model", "Disrupted"
    )


def test_an_interrupted_command_stops_the_run_in_the_cluster(world: World) -> None:
    command = world.begin("train")
    world.hold_step("data_loader")
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=120)
    assert command.returncode == 130, err
    assert "Stopping run" in err
    run, status = world.newest_run()
    assert status == "stopped"
    (event,) = [event for event in world.log(run) if event["kind"] == "run_failed"]
    assert event["error_type"] == "KeyboardInterrupt"
    assert world.leftovers() == []
    gone = [job for job in world.objects("jobs") if job["metadata"]["labels"].get("run_name") == run]
    assert [job["metadata"]["name"] for job in gone if "deletionTimestamp" not in job["metadata"]] == []


@all_runs
def test_a_pod_that_policy_refuses_ends_the_run_at_once(world: World) -> None:
    namespace = world.namespace()
    world.python("tests.kubernetes.runs.loosen_pods", "oncology-dev", cwd=Path(__file__).parents[3])
    try:
        told = world.governance("train")
    finally:
        world.administer("register")
    failed(
        world, told, rf"The run itself is refused by the namespace {namespace}: .*violates PodSecurity", "FailedCreate"
    )
