"""What the cluster says of a run that cannot go on is told in one sentence: which step, which image or limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from governance.runs.errors import RunBrokenError
from governance.runs.orchestrators.kubernetes.pods import STEP, Cluster, cannot_begin, ended_badly, not_yet

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
IMAGE = "registry.example.com/training@sha256:" + "a" * 64
PATIENCE = 600.0


class Object(SimpleNamespace):
    """What the API's client returns: an attribute that was not answered is None."""

    def __getattr__(self, name: str) -> None:
        return None


def job(name: str, step: str | None, *conditions: Object, age: float = 0, deadline: int | None = None) -> Object:
    return Object(
        metadata=Object(
            name=name,
            annotations={STEP: step} if step else {"zenml.io/orchestrator": "x"},
            creation_timestamp=NOW - timedelta(seconds=age),
        ),
        spec=Object(active_deadline_seconds=deadline),
        status=Object(conditions=list(conditions)),
    )


def pod(of: str, phase: str, *, age: float = 0, conditions: tuple[Object, ...] = (), **state: Object) -> Object:
    container = Object(
        name="main",
        image=IMAGE,
        resources=Object(limits={"memory": "512Mi"}, requests={"cpu": "64", "memory": "512Mi"}),
    )
    status = Object(name="main", state=Object(**state)) if state else None
    return Object(
        metadata=Object(labels={"job-name": of}, creation_timestamp=NOW - timedelta(seconds=age)),
        spec=Object(containers=[container], node_name="node-1"),
        status=Object(phase=phase, conditions=list(conditions), container_statuses=[status] if status else None),
    )


def event(of: str, message: str) -> Object:
    return Object(involved_object=Object(name=of), reason="FailedCreate", message=message, last_timestamp=NOW)


def cluster(*, pods: tuple[Any, ...] = (), jobs: tuple[Any, ...] = (), events: tuple[Any, ...] = ()) -> Cluster:
    jobs = jobs or (job("run", None), job("train", "model_trainer"))
    return Cluster("team-dev", jobs, pods, events, NOW)


def ended(code: int, reason: str = "Error") -> dict[str, Object]:
    return {"terminated": Object(exit_code=code, reason=reason)}


@pytest.mark.parametrize(
    ("found", "reason", "told"),
    [
        (pod("train", "Failed", **ended(137, "OOMKilled")), "OOMKilled", "limit of 512Mi"),
        (pod("train", "Failed", **ended(137)), "Killed", r"SIGKILL, exit code 137\), not by its memory limit"),
        (pod("train", "Failed", **ended(143)), "Killed", "SIGTERM"),
        (
            pod(
                "train",
                "Failed",
                conditions=(Object(type="DisruptionTarget", status="True", reason="EvictionByEvictionAPI"),),
                **ended(143),
            ),
            "Disrupted",
            r"EvictionByEvictionAPI\): no failure of the model",
        ),
    ],
)
def test_a_killed_step_is_explained(found: Object, reason: str, told: str) -> None:
    why = ended_badly(cluster(pods=(found,)))["model_trainer"]
    assert (why.reason, why.step) == (reason, "model_trainer")
    with pytest.raises(RunBrokenError, match=f"Step model_trainer .*{told}"):
        raise why


def test_a_step_that_says_itself_why_it_failed_is_left_to_say_so() -> None:
    ones = (pod("train", "Failed", **ended(1)), pod("train", "Succeeded", **ended(0)), pod("train", "Running"))
    assert ended_badly(cluster(pods=ones)) == {}


def test_a_deadline_is_told_in_minutes() -> None:
    late = job("train", "model_trainer", Object(type="Failed", status="True", reason="DeadlineExceeded"), deadline=300)
    why = ended_badly(cluster(jobs=(job("run", None), late)))["model_trainer"]
    assert why.reason == "DeadlineExceeded"
    assert "longer than 5 minutes" in str(why)


def test_a_drained_step_is_known_after_its_pod_is_gone() -> None:
    said = "Pod team-dev/train-x has condition DisruptionTarget matching FailJob rule at index 0"
    drained = job(
        "train", "model_trainer", Object(type="Failed", status="True", reason="PodFailurePolicy", message=said)
    )
    why = ended_badly(cluster(jobs=(job("run", None), drained)))["model_trainer"]
    assert why.reason == "Disrupted"
    assert "Step model_trainer was taken off its node" in str(why)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (Object(reason="ImagePullBackOff", message="Back-off"), rf"image {IMAGE} cannot be had \(ImagePullBackOff"),
        (Object(reason="InvalidImageName", message="no name"), "InvalidImageName"),
        (Object(reason="CreateContainerConfigError", message='secret "t" not found'), 'cannot begin: secret "t" not'),
    ],
)
def test_a_container_that_never_begins_ends_the_run(state: Object, told: str) -> None:
    why = cannot_begin(cluster(pods=(pod("train", "Pending", waiting=state),)), PATIENCE)
    assert why is not None
    assert why.step == "model_trainer"
    with pytest.raises(RunBrokenError, match=told):
        raise why


def test_an_image_that_failed_once_is_tried_again_and_remembered() -> None:
    once = cluster(pods=(pod("train", "Pending", waiting=Object(reason="ErrImagePull", message="EOF")),))
    assert cannot_begin(once, PATIENCE) is None
    assert "ErrImagePull" in str(not_yet(once)["model_trainer"])
    begins = cluster(pods=(pod("train", "Pending", waiting=Object(reason="ContainerCreating")),))
    assert not_yet(begins) == {}


def test_a_step_may_wait_for_a_node_as_long_as_the_environment_says() -> None:
    full = Object(type="PodScheduled", status="False", reason="Unschedulable", message="0/3 nodes: Insufficient cpu.")
    waiting = cluster(pods=(pod("train", "Pending", age=PATIENCE - 1, conditions=(full,)),))
    assert cannot_begin(waiting, PATIENCE) is None
    why = cannot_begin(cluster(pods=(pod("train", "Pending", age=PATIENCE + 1, conditions=(full,)),)), PATIENCE)
    assert why is not None
    assert why.reason == "Unschedulable"
    assert "no node in 10 minutes: 0/3 nodes: Insufficient cpu. It asked for cpu 64, memory 512Mi" in str(why)


def test_a_pod_that_policy_refuses_ends_the_run_at_once() -> None:
    said = event("run", 'pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true')
    why = cannot_begin(cluster(jobs=(job("run", None),), events=(said,)), PATIENCE)
    assert why is not None
    assert (why.reason, why.step) == ("FailedCreate", None)
    assert "The run itself is refused by the namespace team-dev" in str(why)
    assert "runAsNonRoot" in str(why)


def test_a_namespace_that_is_removed_ends_the_run_at_once() -> None:
    said = event("train", "unable to create new content in namespace team-dev because it is being terminated")
    run_pod = pod("run", "Running")
    why = cannot_begin(cluster(pods=(run_pod,), events=(said,)), PATIENCE)
    assert why is not None
    assert "the namespace team-dev is being removed" in str(why)


def test_a_full_quota_may_become_free_and_is_told_when_it_did_not() -> None:
    said = event("train", 'pods "x" is forbidden: exceeded quota: team, requested: memory=8Gi, limited: memory=10Gi')
    jobs = (job("run", None), job("train", "model_trainer", age=PATIENCE - 1))
    run_pod = pod("run", "Running")
    assert cannot_begin(cluster(jobs=jobs, pods=(run_pod,), events=(said,)), PATIENCE) is None
    jobs = (job("run", None), job("train", "model_trainer", age=PATIENCE + 1))
    why = cannot_begin(cluster(jobs=jobs, pods=(run_pod,), events=(said,)), PATIENCE)
    assert why is not None
    assert "Step model_trainer found no room in 10 minutes" in str(why)
    assert "requested: memory=8Gi" in str(why)
    unread = cannot_begin(cluster(jobs=jobs, pods=(run_pod,)), PATIENCE)
    assert unread is not None
    assert "look at the events of team-dev" in str(unread), "events may not be ours to read"


def test_what_goes_well_is_left_alone() -> None:
    done = job("load", "data_loader", Object(type="Complete", status="True"), age=9999)
    running = cluster(jobs=(job("run", None, age=9999), done), pods=(pod("run", "Running", age=9999),))
    assert cannot_begin(running, PATIENCE) is None
    assert running.own_job is not None
    assert running.step_of("nobody's") is None
