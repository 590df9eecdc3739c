"""Nights in a real cluster: known by their jobs, although nothing labels those with a run before there is one."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from zenml.enums import ExecutionStatus

from environments.model import RunLimits
from governance.runs.following import Follower
from governance.runs.orchestrators import adapter_of
from governance.runs.schedulers import scheduler_of
from tests.kubernetes.api import Api, until

RUN_ID = "zenml.io/run-id"


@pytest.fixture(scope="module")
def namespace(orchestrator: Any) -> str:
    """The namespace of the orchestrator."""
    return str(orchestrator.config.kubernetes_namespace)


def make_job(api: Api, namespace: str, *, seconds: int = 600, completions: int = 1, **metadata: Any) -> str:
    """Make a job whose pod finds no node, and so goes on until its time is over; return its name.

    One that needs no completions has ended well at once.
    """
    container = {"name": "main", "image": "nowhere.invalid/none", "command": ["none"]}
    pod = {"restartPolicy": "Never", "containers": [container], "nodeSelector": {"no": "such"}}
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": "night-", **metadata},
        "spec": {"activeDeadlineSeconds": seconds, "completions": completions, "template": {"spec": pod}},
    }
    made = api("POST", f"/apis/batch/v1/namespaces/{namespace}/jobs", body)
    assert made.status == 201, made.said
    return str(made.body["metadata"]["name"])


def make_cron_job(api: Api, namespace: str) -> Any:
    """Make a CronJob; return the schedule that ZenML would have of it, and its owner reference."""
    container = {"name": "main", "image": "nowhere.invalid/none"}
    template = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}}
    body = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"generateName": "schedule-"},
        "spec": {"schedule": "0 2 29 2 *", "jobTemplate": template},
    }
    made = api("POST", f"/apis/batch/v1/namespaces/{namespace}/cronjobs", body).body["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": made["name"], "uid": made["uid"], "controller": True}
    return SimpleNamespace(run_metadata={"cron_job_name": made["name"]}, name="night"), owner


def follower_of(orchestrator: Any, monkeypatch: pytest.MonkeyPatch) -> Follower:
    found = adapter_of("kubernetes").follower(orchestrator, RunLimits())
    going_on = SimpleNamespace(status=ExecutionStatus.RUNNING)
    monkeypatch.setattr(found, "refresh", lambda _: going_on)
    monkeypatch.setattr("governance.runs.orchestrators.kubernetes.follower.mark_ended", lambda *_: None)
    return found


def night() -> Any:
    return SimpleNamespace(
        id=uuid.uuid4(), name="night", schedule=SimpleNamespace(), snapshot=SimpleNamespace(id=uuid.uuid4()), steps={}
    )


def test_a_schedule_begins_nothing_more_and_is_known_to_have_a_night_that_goes_on(
    api: Api, namespace: str, orchestrator: Any
) -> None:
    scheduler = scheduler_of("kubernetes")
    schedule, owner = make_cron_job(api, namespace)
    assert not scheduler.goes_on(orchestrator, schedule)
    make_job(api, namespace)
    assert not scheduler.goes_on(orchestrator, schedule), "that is somebody else's"
    make_job(api, namespace, seconds=4, ownerReferences=[owner])
    assert scheduler.goes_on(orchestrator, schedule)
    scheduler.suspend(orchestrator, schedule)
    (kept,) = [job for job in cron_jobs(api, namespace) if job["metadata"]["name"] == owner["name"]]
    assert kept["spec"]["suspend"] is True
    until(lambda: not scheduler.goes_on(orchestrator, schedule), "the night ends", 30)
    orchestrator.delete_schedule(schedule)
    scheduler.suspend(orchestrator, schedule)


def cron_jobs(api: Api, namespace: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api("GET", f"/apis/batch/v1/namespaces/{namespace}/cronjobs").body["items"]
    return found


def test_a_night_whose_own_job_is_gone_or_failed_is_lost_and_one_that_goes_on_is_not(
    api: Api, namespace: str, orchestrator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, run = follower_of(orchestrator, monkeypatch), night()
    lost = follower.look(run)
    assert lost is not None
    assert lost.reason == "JobLost"
    going_on = make_job(api, namespace, annotations={RUN_ID: str(run.id)})
    assert follower.look(run) is None
    assert api("DELETE", f"/apis/batch/v1/namespaces/{namespace}/jobs/{going_on}").status == 200
    until(lambda: (found := follower.look(run)) is not None and found.reason == "JobLost", "the job is gone", 30)
    make_job(api, namespace, seconds=1, annotations={RUN_ID: str(run.id)})
    until(lambda: (found := follower.look(run)) is not None and found.reason == "DeadlineExceeded", "it failed", 30)


def test_what_is_left_of_a_night_is_removed_and_its_schedules_token_is_not(
    api: Api, namespace: str, orchestrator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, run = follower_of(orchestrator, monkeypatch), night()
    job = make_job(api, namespace, annotations={RUN_ID: str(run.id)})
    token, secrets = orchestrator.get_token_secret_name(run.snapshot.id), f"/api/v1/namespaces/{namespace}/secrets"
    assert api("POST", secrets, {"metadata": {"name": token}}).status == 201
    follower.stop(run, ExecutionStatus.FAILED)
    until(
        lambda: api("GET", f"/apis/batch/v1/namespaces/{namespace}/jobs/{job}").status == 404, "the job is removed", 30
    )
    assert api("GET", f"{secrets}/{token}").status == 200
    run.schedule = None
    follower.stop(run, ExecutionStatus.FAILED)
    assert api("GET", f"{secrets}/{token}").status == 404, "that of a run begun by hand goes with it"


def test_the_token_of_a_run_that_ended_is_removed_and_that_of_one_that_goes_on_is_kept(
    api: Api, namespace: str, orchestrator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, run = follower_of(orchestrator, monkeypatch), night()
    run.schedule = None
    own = make_job(api, namespace, seconds=3, labels={"run_id": str(run.id)})
    token, secrets = orchestrator.get_token_secret_name(run.snapshot.id), f"/api/v1/namespaces/{namespace}/secrets"
    assert api("POST", secrets, {"metadata": {"name": token}}).status == 201
    follower.tidy(run)
    assert api("GET", f"{secrets}/{token}").status == 200
    until(lambda: (found := follower.look(run)) is not None and found.reason == "DeadlineExceeded", "it failed", 30)
    follower.tidy(run)
    assert api("GET", f"{secrets}/{token}").status == 404
    assert api("GET", f"/apis/batch/v1/namespaces/{namespace}/jobs/{own}").status == 200, "its log can still be read"


def test_a_step_that_went_on_when_its_run_ended_is_stopped_and_said_to_have_been_lost_sight_of(
    api: Api, namespace: str, orchestrator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, run = follower_of(orchestrator, monkeypatch), night()
    run.status = ExecutionStatus.FAILED
    step = make_job(api, namespace, labels={"run_id": str(run.id)}, annotations={"zenml.io/step-name": "predictor"})
    assert follower.is_over(run), "its own job is gone"
    lost = follower.explain("predictor")
    assert lost is not None
    assert (lost.reason, lost.step) == ("LostSight", "predictor")
    until(
        lambda: api("GET", f"/apis/batch/v1/namespaces/{namespace}/jobs/{step}").status == 404, "the step is gone", 30
    )


def test_a_run_that_ended_well_leaves_no_token_while_its_own_pod_still_ends(
    api: Api, namespace: str, orchestrator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, run = follower_of(orchestrator, monkeypatch), night()
    run.schedule, run.status = None, ExecutionStatus.COMPLETED
    own = make_job(api, namespace, labels={"run_id": str(run.id)})
    token, secrets = orchestrator.get_token_secret_name(run.snapshot.id), f"/api/v1/namespaces/{namespace}/secrets"
    assert api("POST", secrets, {"metadata": {"name": token}}).status == 201
    assert follower.is_over(run)
    assert api("GET", f"{secrets}/{token}").status == 404
    assert api("GET", f"/apis/batch/v1/namespaces/{namespace}/jobs/{own}").status == 200
    run.status = ExecutionStatus.FAILED
    assert not follower.is_over(run), "the own pod of a failed run stops the steps that go on"


def test_a_run_whose_own_pod_ended_without_telling_zenml_is_broken(
    api: Api, namespace: str, orchestrator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, run = follower_of(orchestrator, monkeypatch), night()
    make_job(api, namespace, completions=0, annotations={RUN_ID: str(run.id)})
    until(lambda: follower.look(run) is not None, "the job ended", 30)
    silent = follower.look(run)
    assert silent is not None
    assert silent.reason == "RunPodSilent"
    monkeypatch.setattr(follower, "refresh", lambda _: SimpleNamespace(status=ExecutionStatus.COMPLETED))
    assert follower.look(run) is None, "it has told ZenML meanwhile"
