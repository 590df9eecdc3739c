"""What keeps schedules in a real cluster: time zones, what is there, and what is said when it does not answer."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from governance.runs.schedulers import KeptSchedule, Scheduler, scheduler_of
from tests.kubernetes.api import Api


@pytest.fixture(scope="module")
def scheduler() -> Scheduler:
    return scheduler_of("kubernetes")


def cron_job(orchestrator: Any) -> Any:
    """Make a CronJob as ZenML does; return what the scheduler reads of its schedule in ZenML."""
    from kubernetes.client import V1Container, V1JobSpec, V1JobTemplateSpec, V1ObjectMeta, V1PodSpec, V1PodTemplateSpec
    from zenml.integrations.kubernetes.constants import ORCHESTRATOR_ANNOTATION_KEY
    from zenml.integrations.kubernetes.manifest_utils import build_cron_job_manifest

    pod = V1PodSpec(restart_policy="Never", containers=[V1Container(name="main", image="nowhere.invalid/none")])
    template = V1JobTemplateSpec(
        metadata=V1ObjectMeta(generate_name="night-", annotations={ORCHESTRATOR_ANNOTATION_KEY: str(orchestrator.id)}),
        spec=V1JobSpec(template=V1PodTemplateSpec(spec=pod)),
    )
    made = orchestrator._k8s_batch_api.create_namespaced_cron_job(
        body=build_cron_job_manifest(template, "0 2 29 2 *"), namespace=orchestrator.config.kubernetes_namespace
    )
    return SimpleNamespace(run_metadata={"cron_job_name": made.metadata.name}, name="night")


def test_a_cron_job_is_due_by_the_clock_it_is_set_to_and_told_as_it_is(orchestrator: Any, scheduler: Scheduler) -> None:
    schedule = cron_job(orchestrator)
    name = str(scheduler.name_of(orchestrator, schedule))
    scheduler.set_time_zone(orchestrator, schedule, "Europe/Zurich")
    assert KeptSchedule(name, "0 2 29 2 *", "Europe/Zurich", paused=False) in (scheduler.kept(orchestrator) or ())

    orchestrator.update_schedule(schedule, SimpleNamespace(cron_expression=None, active=False))
    assert KeptSchedule(name, "0 2 29 2 *", "Europe/Zurich", paused=True) in (scheduler.kept(orchestrator) or ())
    orchestrator.delete_schedule(schedule)
    assert name not in {kept.name for kept in scheduler.kept(orchestrator) or ()}


def test_the_token_of_a_schedule_goes_with_it(orchestrator: Any, scheduler: Scheduler, api: Api) -> None:
    snapshot, namespace = uuid.uuid4(), orchestrator.config.kubernetes_namespace
    name, secrets = orchestrator.get_token_secret_name(snapshot), f"/api/v1/namespaces/{namespace}/secrets"
    assert api("POST", secrets, {"metadata": {"name": name}}).status == 201
    scheduler.forget(orchestrator, [snapshot])
    assert api("GET", f"{secrets}/{name}").status == 404
    scheduler.forget(orchestrator, [snapshot])


def test_a_cluster_that_refuses_or_is_unknown_raises_what_the_scheduler_names(
    orchestrator: Any, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = SimpleNamespace(run_metadata={"cron_job_name": "gone"}, name="gone")
    with pytest.raises(scheduler.failures(), match="not found"):
        scheduler.set_time_zone(orchestrator, gone, "UTC")
    with pytest.raises(scheduler.failures(), match="Unable to find cron job name"):
        orchestrator.update_schedule(SimpleNamespace(run_metadata={}, name="lost"), SimpleNamespace(active=False))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", "/nowhere")
    monkeypatch.setattr(orchestrator, "_k8s_client", None)
    with pytest.raises(scheduler.failures(), match="No configuration found"):
        scheduler.kept(orchestrator)


def test_a_night_does_not_begin_while_the_last_goes_on(orchestrator: Any, scheduler: Scheduler) -> None:
    from zenml.integrations.kubernetes.flavors import KubernetesOrchestratorSettings

    settings = scheduler.settings()["orchestrator.kubernetes"]
    assert KubernetesOrchestratorSettings.model_validate(settings).concurrency_policy == "Forbid"
