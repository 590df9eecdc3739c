"""The pages on which trackers show their runs: each module is one flavor. A laptop's stacks have one."""

from governance.server.trackers.mlflow import (
    PAGES,
    Store,
    page_command,
    page_variables,
    tracker_version,
    tracking_files,
    tracking_stores,
)

__all__ = [
    "PAGES",
    "Store",
    "page_command",
    "page_variables",
    "tracker_version",
    "tracking_files",
    "tracking_stores",
]
