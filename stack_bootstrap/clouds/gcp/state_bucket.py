"""The bucket that holds an environment's Terraform state on Google Cloud, made before Terraform can run there.

Its settings are read, compared and written only where they differ, all in one request. So a second run changes
nothing, and a run that was killed is finished by the next.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from environments import Environment
from stack_bootstrap.clouds.state_bucket import (
    MANAGED_BY,
    NONCURRENT_DAYS,
    BucketSetting,
    StateBucket,
    StateError,
    state_bucket_labels,
    state_bucket_name,
)


def make_state_bucket(environment: Environment, *, dry_run: bool = False, client: Any = None) -> StateBucket:
    """Make or correct the state bucket of ``environment`` in its project.

    Args:
        environment: its ``gcp`` section names project and region, and the key if the state has one of its own.
        dry_run: only say what would be done.
        client: a ``google.cloud.storage.Client``; by default one with the credentials of the process, or of the
            emulator that ``STORAGE_EMULATOR_HOST`` names.

    Raises:
        StateError: the client library or the credentials are missing, or the bucket belongs to somebody else.
    """
    gcp = environment.gcp
    if gcp is None:
        raise StateError(f"{environment.environment}.yaml has no 'gcp' section, so there is no state bucket to make.")
    try:
        # By name, as these come without types.
        failures: Any = import_module("google.api_core.exceptions")
        credentials: Any = import_module("google.auth.exceptions")
        storage: Any = import_module("google.cloud.storage")
    except ImportError as error:
        raise StateError("google-cloud-storage is not installed; run 'make setup'.") from error
    name = state_bucket_name(environment)
    try:
        client = client or storage.Client(project=gcp.project_id)
        bucket = client.lookup_bucket(name)
        exists = bucket is not None
        if bucket is None:
            bucket = client.bucket(name)
        else:
            _require_ours(client, bucket, environment, gcp.project_id, gcp.region)
        settings = _settings(bucket, environment)
        changed = [setting for setting in settings if not exists or setting.read() != setting.wanted]
        if changed and not dry_run:
            for setting in changed:
                setting.write()
            # Creating sends every setting along: there is no moment at which the bucket is open.
            bucket.patch() if exists else client.create_bucket(bucket, project=gcp.project_id, location=gcp.region)
    except failures.Forbidden as error:
        raise StateError(
            f"The bucket {name} exists in another project than {gcp.project_id}, or these credentials may not see it. "
            "Nothing was changed. Change prefix in the environment's file, or use credentials of that project."
        ) from error
    except (failures.GoogleAPIError, credentials.GoogleAuthError) as error:
        raise StateError(f"The state bucket {name} of {environment.environment}: {error}") from error
    return StateBucket(name, not exists, tuple(setting.name for setting in changed))


def _require_ours(client: Any, bucket: Any, environment: Environment, project: str, region: str) -> None:
    """Refuse a bucket that something else than this program made and uses."""
    # A bucket that another project shares with this one also answers; the project's own list decides.
    if bucket.name not in {found.name for found in client.list_buckets(project=project, prefix=bucket.name)}:
        raise StateError(
            f"The bucket {bucket.name} belongs to another project than {project}. Nothing was changed. "
            "Change prefix in the environment's file."
        )
    if bucket.location.lower() != region:
        raise StateError(
            f"The bucket {bucket.name} is in {bucket.location.lower()}, but {environment.environment}.yaml says "
            f"{region}. Nothing was changed."
        )
    labels = bucket.labels
    if labels.get("managed_by") == MANAGED_BY and labels.get("environment") == environment.environment:
        return
    if labels or next(iter(client.list_blobs(bucket, max_results=1, versions=True)), None) is not None:
        raise StateError(
            f"The bucket {bucket.name} exists but is not the state bucket of {environment.environment}: its label "
            f"managed_by is {labels.get('managed_by')!r}, not {MANAGED_BY!r}. Nothing was changed. If it is to hold "
            f"the state, label it managed_by={MANAGED_BY} and environment={environment.environment}; "
            "else change prefix."
        )


def _settings(bucket: Any, environment: Environment) -> list[BucketSetting]:
    labels = state_bucket_labels(environment)
    expiry = [{"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": NONCURRENT_DAYS}}]
    access = bucket.iam_configuration

    def assign(target: Any, attribute: str, value: Any) -> Callable[[], None]:
        return lambda: setattr(target, attribute, value)

    settings = [
        BucketSetting(
            "public access prevented",
            lambda: access.public_access_prevention,
            "enforced",
            assign(access, "public_access_prevention", "enforced"),
        ),
        BucketSetting(
            "uniform access",
            lambda: access.uniform_bucket_level_access_enabled,
            True,
            assign(access, "uniform_bucket_level_access_enabled", True),
        ),
        BucketSetting("versioned", lambda: bucket.versioning_enabled, True, assign(bucket, "versioning_enabled", True)),
        BucketSetting("labels", lambda: bucket.labels, labels, assign(bucket, "labels", labels)),
        BucketSetting(
            "old states expire",
            lambda: [dict(rule) for rule in bucket.lifecycle_rules],
            expiry,
            assign(bucket, "lifecycle_rules", expiry),
        ),
    ]
    key = environment.gcp.state_kms_key if environment.gcp else None
    if key is not None:
        settings.append(
            BucketSetting(
                "encrypted with its own key",
                lambda: bucket.default_kms_key_name,
                key,
                assign(bucket, "default_kms_key_name", key),
            )
        )
    return settings
