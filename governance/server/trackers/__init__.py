"""The pages on which trackers show their runs: each module is one flavor. A laptop's stacks have one."""

from governance.server.trackers.mlflow import (
    OWNER,
    PAGES,
    SERVER,
    TARGET,
    Store,
    database_of,
    database_variables,
    page_command,
    page_variables,
    tracker_version,
    tracking_files,
    tracking_stores,
    upgrade_database,
)

__all__ = [
    "OWNER",
    "PAGES",
    "SERVER",
    "TARGET",
    "Store",
    "database_of",
    "database_variables",
    "page_command",
    "page_variables",
    "tracker_version",
    "tracking_files",
    "tracking_stores",
    "upgrade_database",
]
