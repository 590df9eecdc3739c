"""Following a run in a cluster by its jobs, pods and events, and removing what is left of one that must not go on."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from kubernetes.client import ApiException, BatchV1Api, CoreV1Api
from urllib3.exceptions import HTTPError
from zenml.enums import ExecutionStatus
from zenml.logger import get_logger

from governance.runs.errors import RunBrokenError
from governance.runs.following import Follower, mark_ended
from governance.runs.orchestrators.kubernetes.pods import Cluster, cannot_begin, ended_badly, not_yet

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
        from zenml.client import Client

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
        return cannot_begin(cluster, self.limits.start_minutes * 60)

    def is_over(self, run: PipelineRunResponse) -> bool:
        """See :meth:`Follower.is_over`."""
        if self._ended_since is None:
            self._ended_since = time.monotonic()
        try:
            cluster = self._cluster(run)
        except RunBrokenError:
            return True
        self._why |= ended_badly(cluster)
        own = cluster.own_job
        ended = own is None or any(condition.status == "True" for condition in own.status.conditions or ())
        if ended:
            return True
        if time.monotonic() - self._ended_since < _LEFTOVERS_SECONDS:
            return False
        self._remove(run)
        return True

    def explain(self, step: str) -> RunBrokenError | None:
        """See :meth:`Follower.explain`."""
        return self._why.get(step)

    def stop(self, run: PipelineRunResponse, status: ExecutionStatus) -> None:
        """See :meth:`Follower.stop`: ZenML refuses the run first, so that no pod can leave anything while it ends."""
        mark_ended(run, status)
        self._remove(run)

    def _remove(self, run: PipelineRunResponse) -> None:
        """Remove the jobs of ``run``, its own first so that it begins no other, and its secret."""
        cluster = self._cluster(run)
        jobs = sorted(cluster.jobs, key=lambda job: cluster.step_of(job.metadata.name) is not None)
        for job in jobs:
            self._gone(self._batch.delete_namespaced_job, job.metadata.name, propagation_policy="Foreground")
        if run.snapshot is not None:
            self._gone(self._core.delete_namespaced_secret, self._kubernetes.get_token_secret_name(run.snapshot.id))
        if jobs:
            _logger.warning("Removed %s job(s) of run %s from %s.", len(jobs), run.name, self._namespace)

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

    def _cluster(self, run: PipelineRunResponse) -> Cluster:
        mine = {"label_selector": f"run_id={run.id}", "_request_timeout": _REQUEST_SECONDS}
        try:
            jobs = self._batch.list_namespaced_job(self._namespace, **mine).items
            pods = self._core.list_namespaced_pod(self._namespace, **mine).items
            with_pod = {(pod.metadata.labels or {}).get("job-name") for pod in pods}
            silent = any(job.metadata.name not in with_pod and not job.status.conditions for job in jobs)
            events = self._events() if silent else ()
        except ApiException as error:
            if error.status in (401, 403):
                raise RunBrokenError(
                    f"The cluster does not let us look at run {run.name} in {self._namespace}: {error.reason} "
                    f"({error.status}). The stack's client needs the rights that its contract lists.",
                    reason="Forbidden",
                ) from error
            raise ClusterUnreachableError(f"the cluster answered {error.status} {error.reason}") from error
        except HTTPError as error:
            raise ClusterUnreachableError(f"the cluster does not answer: {error}") from error
        return Cluster(self._namespace, tuple(jobs), tuple(pods), tuple(events), datetime.now(UTC))

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
