"""What on Google Cloud a plan would not get deleted, found before anything is changed.

Terraform finds this out only when it has deleted the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from stack_bootstrap.clouds.adapter import FullStoreError, deleted, keys_in_use

_PROTECTIONS = {
    "google_cloud_run_v2_service": ("deletion_protection", True),
    "google_composer_environment": ("deletion_protection", True),
    "google_container_cluster": ("deletion_protection", True),
    "google_project": ("deletion_policy", "PREVENT"),
    "google_secret_manager_secret": ("deletion_protection", True),
    "google_sql_database_instance": ("deletion_protection", True),
}
"""Argument by which a resource is protected, and its value then."""


def refuse_full_stores(plan: Mapping[str, Any], *, client: Any = None) -> None:
    """Refuse a plan of ``terraform show -json`` that deletes what is protected, locked or holds something.

    A bucket that may be emptied (``force_destroy``) is let through: its settings say so.

    Args:
        plan: the plan.
        client: a ``google.cloud.storage.Client``; by default one with the credentials of the process.

    Raises:
        FullStoreError: something will not be deleted, a key is that of something which stays, or it cannot be seen
            whether a bucket is empty.
    """
    doomed = list(deleted(plan))
    found = [
        f"{address}: it is protected ({_PROTECTIONS[kind][0]}); apply with `protected: false` first"
        for address, kind, before in doomed
        if kind in _PROTECTIONS and before.get(_PROTECTIONS[kind][0]) == _PROTECTIONS[kind][1]
    ]
    found += [
        f"{address}: the log bucket is locked until its logs are out of retention"
        for address, kind, before in doomed
        if kind == "google_logging_project_bucket_config" and before.get("locked")
    ]
    found += _full_buckets(
        {
            address: before
            for address, kind, before in doomed
            if kind == "google_storage_bucket" and not before.get("force_destroy")
        },
        client,
    )
    found += keys_in_use(plan)
    if found:
        raise FullStoreError(found)


def _full_buckets(buckets: Mapping[str, Mapping[str, Any]], client: Any) -> list[str]:
    if not buckets:
        return []
    # By name, as these come without types.
    failures: Any = import_module("google.api_core.exceptions")
    credentials: Any = import_module("google.auth.exceptions")
    full = []
    try:
        client = client or import_module("google.cloud.storage").Client(
            project=next(iter(buckets.values())).get("project")
        )
        for address, before in buckets.items():
            if next(iter(client.list_blobs(before["name"], max_results=1, versions=True)), None) is not None:
                full.append(f"{address}: the bucket {before['name']} holds objects")
    except (failures.GoogleAPIError, credentials.GoogleAuthError) as error:
        raise FullStoreError([f"It cannot be seen whether a bucket to be deleted is empty: {error}"]) from error
    return full
