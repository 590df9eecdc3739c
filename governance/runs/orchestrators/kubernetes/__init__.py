"""Kubernetes: each step is a job of one pod, which another pod, the run's own, begins and watches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from governance.runs.orchestrators import OrchestratorAdapter
from pipelines.resources import Placement, StepResources, Toleration

if TYPE_CHECKING:
    from zenml.orchestrators import BaseOrchestrator

    from environments.model import RunLimits
    from governance.runs.following import Follower

ACCELERATOR = "nvidia.com/gpu"
_SETTINGS = "orchestrator.kubernetes"
_STOP_SECONDS = 5
"""What a pod that is stopped gets to end in: nothing of it is wanted any more."""
_WATCH_SECONDS = 0.5
"""How often a run's own pod asks whether a step ended: with ZenML's three each step begins some two seconds late."""
_KEPT_SECONDS = 3 * 24 * 3600
"""How long ended jobs can be looked at: over a weekend. Nothing else removes them."""

_DISRUPTED = {"type": "DisruptionTarget", "status": "True"}
_FAILED = {"containerName": "main", "operator": "NotIn", "values": [0]}


class _Kubernetes(OrchestratorAdapter):
    def run_settings(self, limits: RunLimits) -> dict[str, Any]:
        """See :meth:`OrchestratorAdapter.run_settings`; ZenML's own waiting sees neither steps nor why none begins."""
        return {
            _SETTINGS: {
                "synchronous": False,
                "active_deadline_seconds": limits.run_minutes * 60,
                "job_monitoring_interval": _WATCH_SECONDS,
                "pod_stop_grace_period": _STOP_SECONDS,
                "ttl_seconds_after_finished": _KEPT_SECONDS,
            }
        }

    def step_settings(self, asked: StepResources, limits: RunLimits, *, tries: int) -> dict[str, Any]:
        """See :meth:`OrchestratorAdapter.step_settings`; ZenML's own ``ResourceSettings`` do not arrive in pods."""
        pod: dict[str, Any] = {}
        if size := _size(asked):
            # What is asked for is what is given: a step that could take more would be killed on a full node only.
            pod["resources"] = {"requests": size, "limits": size}
        if asked.placement is not None:
            pod |= _placed(asked.placement)
        settings: dict[str, Any] = {
            "active_deadline_seconds": 60 * (asked.deadline_minutes or limits.deadline_minutes),
            "pod_failure_policy": {
                # A pod that its node's drain takes away is no failure of the step; ZenML's own rules count it first.
                "rules": [
                    {"action": "Ignore" if tries else "FailJob", "onPodConditions": [_DISRUPTED]},
                    {"action": "Count", "onExitCodes": _FAILED},
                ]
            },
        }
        return {_SETTINGS: {**settings, **({"pod_settings": pod} if pod else {})}}

    def follower(self, orchestrator: BaseOrchestrator, limits: RunLimits) -> Follower:
        """See :meth:`OrchestratorAdapter.follower`."""
        from governance.runs.orchestrators.kubernetes.follower import ClusterFollower

        return ClusterFollower(orchestrator, limits)


def _size(asked: StepResources) -> dict[str, str]:
    found = {
        "cpu": None if asked.cpu is None else f"{round(asked.cpu * 1000)}m",
        "memory": asked.memory,
        ACCELERATOR: None if asked.accelerators is None else str(asked.accelerators),
    }
    return {name: value for name, value in found.items() if value is not None}


def _placed(placement: Placement) -> dict[str, Any]:
    found: dict[str, Any] = {
        "node_selectors": placement.node_selector,
        "tolerations": [_toleration(toleration) for toleration in placement.tolerations],
        "affinity": placement.affinity,
        "annotations": placement.annotations,
    }
    if placement.priority_class is not None:
        found["additional_pod_spec_args"] = {"priority_class_name": placement.priority_class}
    return {name: value for name, value in found.items() if value}


def _toleration(toleration: Toleration) -> dict[str, Any]:
    found = toleration.model_dump(exclude_none=True)
    if "seconds" in found:
        found["tolerationSeconds"] = found.pop("seconds")
    return found


ADAPTER = _Kubernetes()
