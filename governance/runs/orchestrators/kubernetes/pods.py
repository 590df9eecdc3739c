"""What the cluster says of a run's jobs and pods, in one sentence: which step, which image or limit, what to do.

Everything here only reads what the API answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.runs.errors import RunBrokenError

STEP = "zenml.io/step-name"
"""The annotation by which ZenML names a job's step; the job of the run's own pod has none."""
_CONTAINER = "main"
_HOPELESS = ("InvalidImageName", "ImagePullBackOff", "CreateContainerConfigError", "CreateContainerError")
"""Reasons for which a container waits and never begins; an image that could not be pulled is tried once more first."""
_NEVER = ("violates PodSecurity", "because it is being terminated", "is forbidden: error looking up service account")
"""What the API says of a pod that it will not take, however long one waits."""


@dataclass(frozen=True)
class Cluster:
    """What there is of one run."""

    namespace: str
    jobs: tuple[Any, ...]
    pods: tuple[Any, ...]
    events: tuple[Any, ...]
    """Of the namespace, or none if they may not be read."""
    now: datetime

    def step_of(self, job: str) -> str | None:
        """Return the step that ``job`` is of; None for the run's own pod."""
        for found in self.jobs:
            if found.metadata.name == job:
                return (found.metadata.annotations or {}).get(STEP)
        return None

    @property
    def own_job(self) -> Any | None:
        """The job of the run's own pod."""
        return next((job for job in self.jobs if STEP not in (job.metadata.annotations or {})), None)


def has_ended(job: Any) -> bool:
    """Return whether ``job`` ended, well or not."""
    return any(
        condition.type in ("Complete", "Failed") and condition.status == "True"
        for condition in job.status.conditions or ()
    )


def ended_badly(cluster: Cluster) -> dict[str, RunBrokenError]:
    """Return why steps ended, by step (empty for the run's own pod), as far as their pods and jobs say."""
    found: dict[str, RunBrokenError] = {}
    for job in cluster.jobs:
        step = cluster.step_of(job.metadata.name)
        for condition in job.status.conditions or ():
            if condition.type == "Failed" and condition.status == "True" and condition.reason == "DeadlineExceeded":
                minutes = (job.spec.active_deadline_seconds or 0) / 60
                found[step or ""] = _broken(
                    step,
                    "DeadlineExceeded",
                    f"took longer than {minutes:g} minutes, waiting for a node included. Raise deadline_minutes in the "
                    "model's resources, within the environment's limits, or give it more.",
                )
            if (
                condition.type == "Failed"
                and condition.status == "True"
                and "DisruptionTarget" in (condition.message or "")
            ):
                found[step or ""] = _disrupted(step, "its node was drained or lost")  # and the pod is gone
    for pod in sorted(cluster.pods, key=lambda pod: pod.metadata.creation_timestamp):
        step = cluster.step_of((pod.metadata.labels or {}).get("job-name", ""))
        if step is None and (pod.metadata.labels or {}).get("step_name"):
            step = pod.metadata.labels["step_name"]  # its job was removed before its pod
        why = _why_ended(step, pod)
        if why is not None:
            found[step or ""] = why
    return found


def _why_ended(step: str | None, pod: Any) -> RunBrokenError | None:
    for condition in pod.status.conditions or ():
        if condition.type == "DisruptionTarget" and condition.status == "True":
            return _disrupted(step, condition.reason)
    status = _container(pod)
    ended = (
        status and status.state and (status.state.terminated or (status.last_state and status.last_state.terminated))
    )
    if not ended or ended.exit_code == 0:
        return None
    if ended.reason == "OOMKilled":
        limit = _limit(pod, "memory")
        return _broken(
            step,
            "OOMKilled",
            f"needed more memory than its limit of {limit} and was killed (OOMKilled). Raise memory in the model's "
            "resources, within the environment's limits, or have it read less at once.",
        )
    if ended.exit_code in (137, 143):
        signal = "SIGKILL" if ended.exit_code == 137 else "SIGTERM"
        return _broken(
            step,
            "Killed",
            f"was killed ({signal}, exit code {ended.exit_code}), not by its memory limit. Run it again; if it recurs, "
            f"look at the node {pod.spec.node_name}.",
        )
    return None  # the step itself says why


def _disrupted(step: str | None, reason: str) -> RunBrokenError:
    return _broken(
        step,
        "Disrupted",
        f"was taken off its node ({reason}): no failure of the model. Run it again, or give the step retries in the "
        "model's resources.",
    )


def cannot_begin(cluster: Cluster, patience_seconds: float) -> RunBrokenError | None:
    """Return why a step will not begin, or has not for so long."""
    for pod in cluster.pods:
        step = cluster.step_of((pod.metadata.labels or {}).get("job-name", ""))
        if pod.status.phase != "Pending":
            continue
        waits = (cluster.now - pod.metadata.creation_timestamp).total_seconds()
        status = _container(pod)
        waiting = status.state.waiting if status and status.state else None
        if waiting is not None and waiting.reason in _HOPELESS:
            return _broken(step, waiting.reason, _of_image(pod, waiting))
        for condition in pod.status.conditions or ():
            if condition.type == "PodScheduled" and condition.reason == "Unschedulable" and waits > patience_seconds:
                return _broken(
                    step,
                    "Unschedulable",
                    f"found no node in {patience_seconds / 60:g} minutes: {condition.message} It asked for "
                    f"{_asked(pod)}. Ask for less in the model's resources, or add nodes; limits.start_minutes of the "
                    "environment is how long it may wait.",
                )
    return _without_pod(cluster, patience_seconds)


def not_yet(cluster: Cluster) -> dict[str, RunBrokenError]:
    """Return what keeps steps from beginning now, by step: it may pass, or be the last that is seen of them."""
    found = {}
    for pod in cluster.pods:
        step, status = cluster.step_of((pod.metadata.labels or {}).get("job-name", "")), _container(pod)
        waiting = status.state.waiting if status and status.state else None
        if pod.status.phase == "Pending" and waiting is not None and waiting.reason in (*_HOPELESS, "ErrImagePull"):
            found[step or ""] = _broken(step, waiting.reason, _of_image(pod, waiting))
    return found


def _without_pod(cluster: Cluster, patience_seconds: float) -> RunBrokenError | None:
    with_pod = {(pod.metadata.labels or {}).get("job-name") for pod in cluster.pods}
    for job in cluster.jobs:
        name = job.metadata.name
        if name in with_pod or any(condition.status == "True" for condition in job.status.conditions or ()):
            continue
        step, said = cluster.step_of(name), _refusal(cluster.events, name)
        if said and any(never in said for never in _NEVER):
            return _broken(step, "FailedCreate", _refused(cluster.namespace, said))
        waits = (cluster.now - job.metadata.creation_timestamp).total_seconds()
        if waits > patience_seconds:
            return _broken(step, "FailedCreate", _refused(cluster.namespace, said, patience_seconds))
    return None


def _refusal(events: Iterable[Any], job: str) -> str:
    """Return what was last said of pods that could not be made for ``job``."""
    said = [event for event in events if event.involved_object.name == job and event.reason == "FailedCreate"]
    said.sort(key=lambda event: event.last_timestamp or event.event_time or event.metadata.creation_timestamp)
    return str(said[-1].message) if said else ""


def _refused(namespace: str, said: str, patience_seconds: float | None = None) -> str:
    waited = "" if patience_seconds is None else f" in {patience_seconds / 60:g} minutes"
    if "exceeded quota" in said:
        return (
            f"found no room{waited}: {said}. Wait until other runs of the namespace {namespace} ended, ask for less in "
            "the model's resources, or have the team's quota raised."
        )
    if "violates PodSecurity" in said:
        return (
            f"is refused by the namespace {namespace}: {said}. The stack's pod settings must be those of its "
            "contract: `make register`."
        )
    if "because it is being terminated" in said:
        return f"cannot begin: the namespace {namespace} is being removed. `make apply` makes it again."
    return f"got no pod{waited}: {said or f'the cluster says nothing of why; look at the events of {namespace}'}."


def _of_image(pod: Any, waiting: Any) -> str:
    image = pod.spec.containers[0].image
    if waiting.reason == "CreateContainerConfigError":
        return f"cannot begin: {waiting.message}."
    return (
        f"cannot begin, as its image {image} cannot be had ({waiting.reason}: {_last_words(waiting)}). See that the "
        "registry holds it and that the namespace may pull from there; `make image PUSH=1` builds and pushes one."
    )


def _last_words(waiting: Any) -> str:
    """Return what the registry said: the message repeats the image's name in every layer that passed it on."""
    return str(waiting.message or "no reason is given").rpartition(": ")[2]


def _container(pod: Any) -> Any | None:
    return next((status for status in pod.status.container_statuses or () if status.name == _CONTAINER), None)


def _limit(pod: Any, what: str) -> str:
    for container in pod.spec.containers:
        limits: Mapping[str, str] = (container.resources and container.resources.limits) or {}
        if container.name == _CONTAINER and what in limits:
            return limits[what]
    return "the node"


def _asked(pod: Any) -> str:
    resources = pod.spec.containers[0].resources
    asked: Mapping[str, str] = (resources and resources.requests) or {}
    return ", ".join(f"{name} {value}" for name, value in sorted(asked.items())) or "nothing in particular"


def _broken(step: str | None, reason: str, says: str) -> RunBrokenError:
    return RunBrokenError(f"{f'Step {step}' if step else 'The run itself'} {says}", reason=reason, step=step)
