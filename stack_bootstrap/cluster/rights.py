"""What whoever starts a run, and the pods of it, may do in their team's namespace: nothing that was not seen needed.

Each right names its reason. Measured from an audit log of every request while pipelines trained, validated, scored and
ran by schedule, and what people need to read logs; ``tests/kubernetes`` tries each of them, and much beyond them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

CLIENT, WORKLOAD, STEP = "client", "workload", "step"
"""Service accounts of a namespace: whoever starts runs, the pod that starts steps, and steps, which may do nothing."""


class Right(NamedTuple):
    """Verbs on one resource."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    reason: str


RIGHTS: dict[str, tuple[Right, ...]] = {
    CLIENT: (
        Right("", "pods", ("get", "list"), "follow a run, say why a pod of it does not start; get: `kubectl logs`"),
        Right("", "pods/log", ("get",), "`kubectl logs`: the last lines of a step that was killed are nowhere else"),
        Right("", "events", ("list",), "say why a pod was not made: quota, policy, no room"),
        Right("", "secrets", ("create", "delete"), "hand a run its token without writing it into pods; none is read"),
        Right(
            "batch",
            "jobs",
            ("create", "delete", "get", "list"),
            "start and stop a run, and find those left behind; get: `kubectl logs job/…`",
        ),
        Right("batch", "cronjobs", ("create", "delete", "list", "patch"), "keep schedules"),
    ),
    WORKLOAD: (
        Right("", "pods", ("get", "list"), "see its own pod and how steps' pods ended"),
        Right("", "secrets", ("delete",), "remove the run's token when the run ends"),
        Right("batch", "jobs", ("create", "delete", "get", "list", "patch"), "start, watch and stop steps"),
    ),
}


def rules_of(account: str) -> list[dict[str, Any]]:
    """Return the rules of the Role of ``account``, in the order of :data:`RIGHTS`."""
    return [
        {"apiGroups": [right.group], "resources": [right.resource], "verbs": list(right.verbs)}
        for right in RIGHTS[account]
    ]
