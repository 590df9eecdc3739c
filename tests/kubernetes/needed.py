"""What service accounts were seen to need, by account, API group and resource."""

from __future__ import annotations

# Written down apart from the code: from an audit log of every request of runs, by hand and by schedule.
SEEN_NEEDED: dict[str, dict[tuple[str, str], str]] = {
    "client": {
        ("", "pods"): "get list",
        ("", "pods/log"): "get",
        ("", "events"): "list",
        ("", "secrets"): "create delete",
        ("batch", "jobs"): "create delete get list",
        ("batch", "cronjobs"): "create delete list patch",
    },
    "workload": {
        ("", "pods"): "get list",
        ("", "secrets"): "delete",
        ("batch", "jobs"): "create delete get list patch",
    },
}
