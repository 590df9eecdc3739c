"""Two teams in pods of their own namespaces; a model's way from training to production, through nights, and back."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.kubernetes.runs.world import (
    APPROVER,
    CANCER,
    DIABETES,
    ENVIRONMENTS,
    TEAMS,
    Answer,
    Trained,
    World,
    all_runs,
    wait_for,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster"), all_runs]

PATIENCE = 600
"""Seconds that a cluster of two cores may need for a night."""


def bring_to_production(world: World, version: str) -> Answer:
    """Bring ``version`` from dev to production, as two people do."""
    world.governance("promote", "staging", CANCER, "--version", version).ended_well()
    world.governance("validate", "staging").ended_well()
    early = world.governance("promote", "production", CANCER, "--version", version)
    assert early.status == 1, early.told
    assert "needs 1 approval(s) by somebody other than" in early.err
    key = ("--as", APPROVER, "--key", str(world.folder / "people" / APPROVER), "--yes")
    world.governance("approve", "production", CANCER, "--version", version, *key).ended_well()
    return world.governance("promote", "production", CANCER, "--version", version).ended_well()


@pytest.fixture(scope="module")
def in_production(world: World, trained: Trained) -> str:
    """What the command printed that brought the first version to production, while the other team trained."""
    other = world.begin("train", "dev", DIABETES)
    told = bring_to_production(world, trained.version)
    out, err = other.communicate(timeout=600)
    assert other.returncode == 0, (out, err)
    return told.out


def test_two_teams_train_and_a_model_goes_to_production_and_scores(
    world: World, trained: Trained, in_production: str
) -> None:
    assert f"Version {trained.version} of {CANCER} is in production" in in_production
    assert f"approved by {APPROVER}" in in_production
    told = world.governance("infer", "production").ended_well()
    bucket = world.bucket("production")
    found = re.search(rf"569 rows scored, .*s3://{bucket}/(\S+)", told.out)
    assert found, told.out
    assert world.s3.head_object(Bucket=bucket, Key=found[1])["ContentLength"] > 0
    run, status = world.newest_run()
    assert status == "completed"
    kinds = {event["kind"] for event in world.log(run, "production")}
    assert {"run_started", "run_finished", "batch_publication"} <= kinds
    for environment in ENVIRONMENTS:
        pods_are_held_as_the_contract_says(world, environment)
    assert {pod["metadata"]["labels"]["team"] for pod in world.objects("pods", "dev", DIABETES)} == {TEAMS[DIABETES]}
    assert world.s3.list_objects_v2(Bucket=world.bucket("dev", DIABETES))["KeyCount"] > 0


def pods_are_held_as_the_contract_says(world: World, environment: str) -> None:
    pods = world.objects("pods", environment)
    assert len(pods) > 3
    containers = [container for pod in pods for container in pod["spec"]["containers"]]
    assert {container["image"] for container in containers} == {world.image}
    assert {container["securityContext"]["allowPrivilegeEscalation"] for container in containers} == {False}
    accounts = {(pod["spec"]["serviceAccountName"], "step_name" in pod["metadata"]["labels"]) for pod in pods}
    assert accounts == {("workload", False), ("step", True)}
    policies = {policy["metadata"]["name"] for policy in world.objects("networkpolicies", environment)}
    assert {"default-deny", "egress-dns", "egress-store", "egress-zenml-server"} <= policies
    namespace = world.kubectl("get", "namespace", world.namespace(environment), "--output", "yaml")
    assert "pod-security.kubernetes.io/enforce: restricted" in namespace
    assert world.leftovers(environment) == []


def collected(world: World) -> list[dict[str, Any]]:
    told = world.governance("collect", "production", CANCER, "--json").ended_well()
    found: list[dict[str, Any]] = json.loads(told.out)["collected"][CANCER]["collected"]
    return found


def nights(world: World) -> list[dict[str, Any]]:
    """Return what was published of nights, oldest first."""
    said = [event for event in world.events("production") if event["kind"] == "batch_publication"]
    return [event for event in said if event["outcome"] == "published" and event.get("schedule")]


def cron_jobs(world: World) -> list[dict[str, Any]]:
    """Return the CronJobs of production, without those that stayed for a night that has ended now."""
    collected(world)
    return world.objects("cronjobs", "production")


def the_cron_job(world: World) -> dict[str, Any]:
    """Return the one that is left once nights of earlier ones have ended."""
    wait_for("one CronJob", lambda: len(cron_jobs(world)) == 1, PATIENCE)
    return world.objects("cronjobs", "production")[0]


def test_a_cron_job_fires_with_a_promotion_between_and_is_rolled_back_paused_changed_and_removed(
    world: World, trained: Trained, in_production: str
) -> None:
    second = world.governance("train").ended_well().version
    cron = ("--cron", "* * * * *", "--time-zone", "Europe/Zurich")
    world.governance("schedule", "production", CANCER, *cron).ended_well()
    (job,) = world.objects("cronjobs", "production")
    spec = job["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("* * * * *", "Europe/Zurich", "Forbid")
    first = wait_for("the first night", lambda: [run for run in collected(world) if run["published"]], PATIENCE)[0]
    assert first["outcome"] == "passed"
    assert {night["model_version"] for night in nights(world)} == {trained.version}
    world.governance("schedule", "production", CANCER, "--pause").ended_well()
    assert world.objects("cronjobs", "production")[0]["spec"]["suspend"] is True

    bring_to_production(world, second)
    repointed = the_cron_job(world)
    assert repointed["metadata"]["name"] != job["metadata"]["name"]
    assert repointed["spec"]["suspend"] is True, "what was paused stays so"
    world.governance("schedule", "production", CANCER, "--resume").ended_well()

    def followed() -> bool:
        collected(world)
        return second in {night["model_version"] for night in nights(world)}

    wait_for("the second night", followed, PATIENCE)
    names = [night["batch"] for night in nights(world)]
    assert len(set(names)) == len(names), "one batch for each minute"

    back = world.governance("rollback", "production", CANCER, "--reason", "It was the wrong one").ended_well()
    assert back.out.strip() == f"{CANCER} in production went from version {second} back to version {trained.version}."
    world.governance("schedule", "production", CANCER, "--cron", "0 2 * * *").ended_well()
    changed = the_cron_job(world)
    assert (changed["spec"]["schedule"], changed["spec"].get("suspend", False)) == ("0 2 * * *", False)
    told = world.governance("schedules", "production", CANCER).ended_well()
    assert f"version {trained.version}, next" in told.out, "a rollback is followed too"

    name = changed["metadata"]["name"]
    later = json.dumps({"spec": {"schedule": "0 3 * * *"}})
    world.kubectl("patch", "cronjob", name, "--namespace", world.namespace("production"), "--patch", later)
    told = world.governance("reconcile", "production")
    assert told.status == 2, told.told
    assert f"Job {name} of schedule {CANCER}-production was changed" in told.out

    world.governance("schedule", "production", CANCER, "--delete").ended_well()
    wait_for("the end of every night", lambda: not cron_jobs(world), PATIENCE)
    assert [name for name in world.leftovers("production") if name.startswith("zenml-token")] == []
    left_behind_reaches_nothing(world, changed)


def left_behind_reaches_nothing(world: World, cron_job: dict[str, Any]) -> None:
    """Begin what a schedule that is gone would begin, and see it do nothing."""
    collected(world)
    spec = {**cron_job["spec"]["jobTemplate"]["spec"], "backoffLimit": 0}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "left-behind"}, "spec": spec}
    namespace = world.namespace("production")
    world.kubectl("apply", "--namespace", namespace, "--filename", "-", stdin=json.dumps(job))

    def came_to() -> list[str]:
        """Say how it ended, or what it waits for in vain: its secret went with the schedule."""
        (found,) = [job for job in world.objects("jobs", "production") if job["metadata"]["name"] == "left-behind"]
        said = [condition["type"] for condition in found.get("status", {}).get("conditions", ())]
        for pod in world.objects("pods", "production"):
            if pod["metadata"]["labels"].get("job-name") == "left-behind":
                states = [status["state"] for status in pod["status"].get("containerStatuses", ())]
                said += [state["waiting"]["reason"] for state in states if "waiting" in state]
        return [word for word in said if word in ("Complete", "Failed", "CreateContainerConfigError")]

    assert wait_for("the end of what was left behind", came_to, PATIENCE)[0] != "Complete"
    assert collected(world) == [], "it reached nothing"
    world.kubectl("delete", "job", "left-behind", "--namespace", namespace)
