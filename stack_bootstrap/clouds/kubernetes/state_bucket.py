"""The bucket that holds an environment's Terraform state in its own store, made before Terraform can run there."""

from __future__ import annotations

from typing import Any

from environments import Environment
from stack_bootstrap.clouds.aws.state_bucket import bucket_settings, require_ours
from stack_bootstrap.clouds.state_bucket import StateBucket, StateError, state_bucket_name

_KNOWN_EVERYWHERE = frozenset({"old states expire", "tags", "versioned"})
"""Settings that every S3-compatible store has; closing and encrypting buckets is the store's own affair."""


def make_state_bucket(environment: Environment, *, dry_run: bool = False, session: Any = None) -> StateBucket:
    """Make or correct the state bucket of ``environment`` in its store.

    Args:
        environment: its ``kubernetes`` section names the store.
        dry_run: only say what would be done.
        session: a ``boto3.Session``; by default one with the credentials of the process.

    Raises:
        StateError: the store does not answer, refuses the keys, or the bucket belongs to somebody else.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    own = environment.kubernetes
    if own is None:
        raise StateError(
            f"{environment.environment}.yaml has no 'kubernetes' section, so there is no state bucket to make."
        )
    name, store = state_bucket_name(environment), own.store
    wanted = _KNOWN_EVERYWHERE | ({"TLS only"} if store.endpoint.startswith("https://") else set())
    try:
        s3 = (session or boto3.Session()).client("s3", region_name=store.region, endpoint_url=store.endpoint)
        exists = name in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
        if exists:
            require_ours(s3, name, environment.environment, store.region)
        elif not dry_run:
            elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": store.region}}
            s3.create_bucket(Bucket=name, **({} if store.region == "us-east-1" else elsewhere))
        changed = []
        for setting in bucket_settings(s3, name, environment):
            if setting.name in wanted and (not exists or setting.read() != setting.wanted):
                changed.append(setting.name)
                if not dry_run:
                    setting.write()
    except (BotoCoreError, ClientError) as error:
        raise StateError(f"The state bucket {name} at {store.endpoint}: {error}") from error
    return StateBucket(name, not exists, tuple(changed))
