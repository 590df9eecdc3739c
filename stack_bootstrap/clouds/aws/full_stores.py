"""Stores on AWS that a plan would delete although they hold something, found before anything is changed.

Terraform finds this out only when it has deleted the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stack_bootstrap.clouds.adapter import FullStoreError, deleted, keys_in_use


def refuse_full_stores(
    plan: Mapping[str, Any], region: str, *, session: Any = None, endpoint: str | None = None
) -> None:
    """Refuse a plan of ``terraform show -json`` that deletes a bucket or registry which holds something.

    One that may be emptied (``force_destroy``, ``force_delete``) is let through: its settings say so.

    Args:
        plan: the plan.
        region: region of the stores.
        session: a ``boto3.Session``; by default one with the credentials of the process.
        endpoint: of an S3-compatible store that is asked instead of AWS; it has no registries.

    Raises:
        FullStoreError: a store is not empty, or it cannot be seen whether it is, or a key is that of something which
            stays.
    """
    kept = [
        (address, kind, before)
        for address, kind, before in deleted(plan)
        if kind in {"aws_s3_bucket", "aws_ecr_repository"}
        and not (before.get("force_destroy") or before.get("force_delete"))
    ]
    full = keys_in_use(plan) + (_full_stores(kept, region, session, endpoint) if kept else [])
    if full:
        raise FullStoreError(full)


def _full_stores(
    kept: Sequence[tuple[str, str, Mapping[str, Any]]], region: str, session: Any, endpoint: str | None
) -> list[str]:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    session = session or boto3.Session()
    try:
        s3 = session.client("s3", region_name=region, **({"endpoint_url": endpoint} if endpoint else {}))
        ecr = session.client("ecr", region_name=region)
        return [
            f"{address}: the bucket {before['bucket']} holds objects"
            for address, kind, before in kept
            if kind == "aws_s3_bucket" and _holds_objects(s3, before["bucket"])
        ] + [
            f"{address}: the registry {before['name']} holds images"
            for address, kind, before in kept
            if kind == "aws_ecr_repository" and ecr.list_images(repositoryName=before["name"], maxResults=1)["imageIds"]
        ]
    except (BotoCoreError, ClientError) as error:
        raise FullStoreError([f"It cannot be seen whether a store to be deleted is empty: {error}"]) from error


def _holds_objects(s3: Any, bucket: str) -> bool:
    """Return whether there is an object, a former version of one, or a mark that one was deleted."""
    found = s3.list_object_versions(Bucket=bucket, MaxKeys=1)
    return bool(found.get("Versions") or found.get("DeleteMarkers"))
