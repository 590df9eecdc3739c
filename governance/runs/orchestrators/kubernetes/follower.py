"""Following a run in a cluster by its jobs, pods and events, and removing what is left of one that must not go on."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from kubernetes.client import ApiException, BatchV1Api, CoreV1Api
from urllib3.exceptions import HTTPError
from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.integrations.kubernetes.constants import RUN_ID_ANNOTATION_KEY
from zenml.logger import get_logger

from governance.runs.errors import RunBrokenError
from governance.runs.following import Follower, mark_ended
from governance.runs.orchestrators.kubernetes.pods import Cluster, cannot_begin, ended_badly, has_ended, not_yet

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.integrations.kubernetes.orchestrators import KubernetesOrchestrator
    from zenml.models import PipelineRunResponse
    from zenml.orchestrators import BaseOrchestrator

    from environments.model import RunLimits

_logger = get_logger(__name__)

_REQUEST_SECONDS = 20
_LEFTOVERS_SECONDS = 30.0
"""How long the run's own pod may take to remove its secret and to end, once the run ended."""


class ClusterUnreachableError(OSError):
    """The cluster's API does not answer."""


class ClusterFollower(Follower):
    """Follows the runs of one namespace."""

    look_seconds = 3.0
    """Reading the cluster's answer takes a fifth of a second of processor time, beside the pods."""

    def __init__(self, orchestrator: BaseOrchestrator, limits: RunLimits) -> None:
        super().__init__(orchestrator, limits)
        self._kubernetes = cast("KubernetesOrchestrator", orchestrator)
        self._namespace = self._kubernetes.config.kubernetes_namespace
        self._why: dict[str, RunBrokenError] = {}
        """By step (empty for the run's own pod): what was seen of its end, as pods may be gone when it is asked for."""
        self._ended_since: float | None = None
        self._may_read_events = True

    def refusals(self) -> tuple[type[Exception], ...]:
        """See :meth:`Follower.refusals`."""
        return (*super().refusals(), ApiException, HTTPError)

    def refresh(self, run: PipelineRunResponse) -> PipelineRunResponse:
        """Return how ``run`` is now; its own pod tells ZenML, whatever becomes of its job."""
        return Client().get_pipeline_run(run.id)

    def look(self, run: PipelineRunResponse) -> RunBrokenError | None:
        """See :meth:`Follower.look`.

        Raises:
            ClusterUnreachableError: the cluster does not answer.
            RunBrokenError: it does not let us look.
        """
        cluster = self._cluster(run)
        self._why |= not_yet(cluster)
        self._why |= ended_badly(cluster)
        own = cluster.own_job
        if own is None:
            return RunBrokenError(
                f"The job of run {run.name} is no longer in the namespace {self._namespace}: somebody removed it, or "
                "the namespace. Run it again.",
                reason="JobLost",
            )
        for condition in own.status.conditions or ():
            if condition.type == "Failed" and condition.status == "True":
                return self._why.get("") or RunBrokenError(
                    f"The run's own pod failed: {condition.message}. Its log: {self._log_of(own)}",
                    reason="RunPodFailed",
                )
        if has_ended(own) and self._goes_on_for_zenml(run):
            return RunBrokenError(
                f"The run's own pod ended, and could not tell ZenML how run {run.name} did: its token was refused, as "
                f"of a paused schedule, or ZenML did not answer. Run it again. Its log: {self._log_of(own)}",
                reason="RunPodSilent",
            )
        return cannot_begin(cluster, self.limits.start_minutes * 60)

    def is_over(self, run: PipelineRunResponse) -> bool:
        """See :meth:`Follower.is_over`; of a run that ended well the own pod, for seconds, does no more than end."""
        if run.status.is_successful:
            self._remove_token(run)
            return True
        if self._ended_since is None:
            self._ended_since = time.monotonic()
        try:
            cluster = self._cluster(run)
        except RunBrokenError:
            return True
        self._why |= ended_badly(cluster)
        if cluster.own_job is None or has_ended(cluster.own_job):
            self._end_what_was_lost_sight_of(run, cluster)
            return True
        if time.monotonic() - self._ended_since < _LEFTOVERS_SECONDS:
            return False
        self._remove(run)
        return True

    def _end_what_was_lost_sight_of(self, run: PipelineRunResponse, cluster: Cluster) -> None:
        """Remove jobs that go on although the run ended: its own pod could not ask the cluster for them."""
        for job in cluster.jobs:
            step = cluster.step_of(job.metadata.name)
            if step is None or has_ended(job) or job.metadata.deletion_timestamp is not None:
                continue
            self._gone(self._batch.delete_namespaced_job, job.metadata.name, propagation_policy="Foreground")
            _logger.warning("Step %s of run %s went on although the run ended; it was stopped.", step, run.name)
            lost = RunBrokenError(
                f"Step {step} was given up while it went on: the cluster's API did not answer the run's own pod. Run "
                "it again.",
                reason="LostSight",
                step=step,
            )
            self._why.setdefault(step, lost)

    def _goes_on_for_zenml(self, run: PipelineRunResponse) -> bool:
        now = self.refresh(run).status
        return not now.is_finished and now != ExecutionStatus.STOPPING

    def explain(self, step: str) -> RunBrokenError | None:
        """See :meth:`Follower.explain`."""
        return self._why.get(step)

    def stop(self, run: PipelineRunResponse, status: ExecutionStatus) -> None:
        """See :meth:`Follower.stop`: ZenML refuses the run first, so that no pod can leave anything while it ends."""
        mark_ended(run, status)
        self._remove(run)

    def tidy(self, run: PipelineRunResponse) -> None:
        """See :meth:`Follower.tidy`: its token, which its own pod leaves where it was killed too often."""
        own = self._cluster(run).own_job
        if own is None or has_ended(own):
            self._remove_token(run)

    def _remove(self, run: PipelineRunResponse) -> None:
        """Remove the jobs of ``run``, its own first so that it begins no other, and its secret."""
        cluster = self._cluster(run)
        jobs = sorted(cluster.jobs, key=lambda job: cluster.step_of(job.metadata.name) is not None)
        for job in jobs:
            self._gone(self._batch.delete_namespaced_job, job.metadata.name, propagation_policy="Foreground")
        self._remove_token(run)
        if jobs:
            _logger.warning("Removed %s job(s) of run %s from %s.", len(jobs), run.name, self._namespace)

    def _remove_token(self, run: PipelineRunResponse) -> None:
        if run.snapshot is not None and run.schedule is None:  # a schedule's goes with it
            self._gone(self._core.delete_namespaced_secret, self._kubernetes.get_token_secret_name(run.snapshot.id))

    def _gone(self, delete: Callable[..., Any], name: str, **options: Any) -> None:
        try:
            delete(name, self._namespace, _request_timeout=_REQUEST_SECONDS, **options)
        except ApiException as error:
            if error.status != 404:
                raise RunBrokenError(
                    f"{name} in {self._namespace} cannot be removed: {error.reason} ({error.status}). Remove it by "
                    "hand; the stack's client needs the rights that its contract lists.",
                    reason="NotStopped",
                ) from error
        except HTTPError as error:
            raise ClusterUnreachableError(f"the cluster does not answer: {error}") from error

    def _cluster(self, run: PipelineRunResponse) -> Cluster:
        mine = {"label_selector": f"run_id={run.id}", "_request_timeout": _REQUEST_SECONDS}
        try:
            jobs = self._batch.list_namespaced_job(self._namespace, **mine).items
            pods = self._core.list_namespaced_pod(self._namespace, **mine).items
            if run.schedule is not None:
                own, of_own = self._begun_by_schedule(run)
                jobs, pods = [*jobs, *own], [*pods, *of_own]
            with_pod = {(pod.metadata.labels or {}).get("job-name") for pod in pods}
            silent = any(job.metadata.name not in with_pod and not job.status.conditions for job in jobs)
            events = self._events() if silent else ()
        except ApiException as error:
            if error.status in (401, 403):
                raise RunBrokenError(
                    f"The cluster does not let us look at run {run.name} in {self._namespace}: {error.reason} "
                    f"({error.status}). Its client's role was changed, or the namespace is being removed: "
                    "`make plan` says which.",
                    reason="Forbidden",
                ) from error
            raise ClusterUnreachableError(f"the cluster answered {error.status} {error.reason}") from error
        except HTTPError as error:
            raise ClusterUnreachableError(f"the cluster does not answer: {error}") from error
        return Cluster(self._namespace, tuple(jobs), tuple(pods), tuple(events), datetime.now(UTC))

    def _begun_by_schedule(self, run: PipelineRunResponse) -> tuple[list[Any], list[Any]]:
        """Return the own job of ``run`` with its pods: a CronJob's cannot be labelled with a run before it is one."""
        found = [
            job
            for job in self._batch.list_namespaced_job(self._namespace, _request_timeout=_REQUEST_SECONDS).items
            if (job.metadata.annotations or {}).get(RUN_ID_ANNOTATION_KEY) == str(run.id)
        ]
        pods = []
        for job in found:
            of_job = {"label_selector": f"job-name={job.metadata.name}", "_request_timeout": _REQUEST_SECONDS}
            pods += self._core.list_namespaced_pod(self._namespace, **of_job).items
        return found, pods

    def _events(self) -> tuple[Any, ...]:
        if not self._may_read_events:
            return ()
        try:
            found = self._core.list_namespaced_event(
                self._namespace, field_selector="reason=FailedCreate", _request_timeout=_REQUEST_SECONDS
            )
        except ApiException as error:
            if error.status != 403:
                raise
            self._may_read_events = False
            _logger.warning(
                "The events of %s may not be read, so a pod that is refused is not explained.", self._namespace
            )
            return ()
        return tuple(found.items)

    def _log_of(self, job: Any) -> str:
        return f"kubectl -n {self._namespace} logs job/{job.metadata.name}"

    @property
    def _batch(self) -> BatchV1Api:
        return BatchV1Api(self._kubernetes.get_kube_client())

    @property
    def _core(self) -> CoreV1Api:
        return CoreV1Api(self._kubernetes.get_kube_client())
