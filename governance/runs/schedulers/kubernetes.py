"""Schedules as CronJobs of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from zenml.integrations.kubernetes.constants import (
    KUBERNETES_CRON_JOB_METADATA_KEY,
    ORCHESTRATOR_ANNOTATION_KEY,
)

from governance.runs.schedulers import KeptSchedule, Scheduler

if TYPE_CHECKING:
    from zenml.models import ScheduleResponse
    from zenml.orchestrators import BaseOrchestrator


class KubernetesScheduler(Scheduler):
    """See :class:`Scheduler`."""

    def settings(self) -> dict[str, Any]:
        """See :class:`Scheduler`."""
        return {"orchestrator.kubernetes": {"concurrency_policy": "Forbid"}}

    def failures(self) -> tuple[type[Exception], ...]:
        """See :class:`Scheduler`."""
        from kubernetes.client import ApiException
        from kubernetes.config import ConfigException

        # A RuntimeError is ZenML's word for a cluster of which there is no configuration here, or a job it lost.
        return (*super().failures(), ApiException, ConfigException, RuntimeError)

    def set_time_zone(self, orchestrator: BaseOrchestrator, schedule: ScheduleResponse, time_zone: str) -> None:
        """See :class:`Scheduler`."""
        name = self.name_of(orchestrator, schedule)
        _api(orchestrator).patch_namespaced_cron_job(name, _namespace(orchestrator), {"spec": {"timeZone": time_zone}})

    def name_of(self, orchestrator: BaseOrchestrator, schedule: ScheduleResponse) -> str | None:
        """See :class:`Scheduler`."""
        del orchestrator
        name = schedule.run_metadata.get(KUBERNETES_CRON_JOB_METADATA_KEY)
        return str(name) if name else None

    def kept(self, orchestrator: BaseOrchestrator) -> tuple[KeptSchedule, ...]:
        """See :class:`Scheduler`: the CronJobs that any of ZenML's orchestrators made in this one's namespace."""
        found = _api(orchestrator).list_namespaced_cron_job(_namespace(orchestrator)).items
        return tuple(
            KeptSchedule(job.metadata.name, job.spec.schedule, job.spec.time_zone or "UTC", bool(job.spec.suspend))
            for job in found
            if ORCHESTRATOR_ANNOTATION_KEY in (job.spec.job_template.metadata.annotations or {})
            or ORCHESTRATOR_ANNOTATION_KEY in (job.metadata.annotations or {})
        )

    def suspend(self, orchestrator: BaseOrchestrator, schedule: ScheduleResponse) -> None:
        """See :class:`Scheduler`: past ZenML, whose server refuses the token of a schedule that is not active."""
        from kubernetes.client import ApiException

        try:
            _api(orchestrator).patch_namespaced_cron_job(
                self.name_of(orchestrator, schedule), _namespace(orchestrator), {"spec": {"suspend": True}}
            )
        except ApiException as error:
            if error.status != 404:  # somebody removed it, and it begins nothing
                raise

    def goes_on(self, orchestrator: BaseOrchestrator, schedule: ScheduleResponse) -> bool:
        """See :class:`Scheduler`: a run has a job before ZenML knows of it."""
        from governance.runs.orchestrators.kubernetes.pods import has_ended

        name = self.name_of(orchestrator, schedule)
        return any(
            owner.kind == "CronJob" and owner.name == name
            for job in _api(orchestrator).list_namespaced_job(_namespace(orchestrator)).items
            if not has_ended(job)
            for owner in job.metadata.owner_references or ()
        )

    def forget(self, orchestrator: BaseOrchestrator, snapshots: Sequence[UUID]) -> None:
        """See :class:`Scheduler`: the secret with the token of its pods, which ZenML leaves there."""
        from kubernetes.client import ApiException

        kept_by: Any = orchestrator
        for snapshot in snapshots:
            name = kept_by.get_token_secret_name(snapshot)
            try:
                kept_by._k8s_core_api.delete_namespaced_secret(name, _namespace(orchestrator))
            except ApiException as error:
                if error.status != 404:
                    raise


def _api(orchestrator: Any) -> Any:
    return orchestrator._k8s_batch_api


def _namespace(orchestrator: Any) -> str:
    return str(orchestrator.config.kubernetes_namespace)


ADAPTER = KubernetesScheduler()
