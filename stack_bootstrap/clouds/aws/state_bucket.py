"""The bucket that holds an environment's Terraform state on AWS, made before Terraform can run there.

What the bucket must be is a list of settings, each read, compared and written only when it differs. So a second run
changes nothing, and a run that was killed is finished by the next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
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


def make_state_bucket(environment: Environment, *, dry_run: bool = False, session: Any = None) -> StateBucket:
    """Make or correct the state bucket of ``environment`` in its AWS account.

    Args:
        environment: its ``aws`` section names account and region.
        dry_run: only say what would be done.
        session: a ``boto3.Session``; by default one with the credentials of the process.

    Raises:
        StateError: the credentials are missing or another account's, or the bucket belongs to somebody else.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    aws = environment.aws
    if aws is None:
        raise StateError(f"{environment.environment}.yaml has no 'aws' section, so there is no state bucket to make.")
    name = state_bucket_name(environment)
    session = session or boto3.Session()
    try:
        _require_account(session, aws.account_id, aws.region, environment.environment)
        s3 = session.client("s3", region_name=aws.region)
        exists = _exists(s3, name, aws.account_id)
        if exists:
            require_ours(s3, name, environment.environment, aws.region)
        elif not dry_run:
            where = {} if aws.region == "us-east-1" else {"LocationConstraint": aws.region}
            s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerEnforced", **_configuration(where))
        changed = []
        for setting in bucket_settings(s3, name, environment):
            if not exists or setting.read() != setting.wanted:
                changed.append(setting.name)
                if not dry_run:
                    setting.write()
    except (BotoCoreError, ClientError) as error:
        raise StateError(f"The state bucket {name} of {environment.environment}: {error}") from error
    return StateBucket(name, not exists, tuple(changed))


def _configuration(where: Mapping[str, str]) -> dict[str, Any]:
    """Return the location as ``create_bucket`` wants it: left out in us-east-1, which is refused as a constraint."""
    return {"CreateBucketConfiguration": dict(where)} if where else {}


def _require_account(session: Any, account: str, region: str, environment: str) -> None:
    found = session.client("sts", region_name=region).get_caller_identity()["Account"]
    if found != account:
        raise StateError(
            f"These credentials are of the AWS account {found}, but {environment}.yaml says {account}. "
            f"Nothing was changed. Use credentials of {account}, or correct aws.account_id."
        )


def _exists(s3: Any, name: str, account: str) -> bool:
    """Return whether the bucket exists in this account.

    Raises:
        StateError: it exists in another account.
    """
    from botocore.exceptions import ClientError

    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=account)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 404:
            return False
        if status in {301, 403}:
            raise StateError(
                f"The bucket {name} exists and is not the account {account}'s, or these credentials may not see it. "
                "Nothing was changed. Change prefix in the environment's file, or use credentials that own it."
            ) from error
        raise
    # The name of a bucket that another account shares with this one also answers; the account's own list decides.
    if name not in {bucket["Name"] for bucket in s3.list_buckets(Prefix=name)["Buckets"]}:
        raise StateError(
            f"The bucket {name} belongs to another account than {account}. Nothing was changed. "
            "Change prefix in the environment's file."
        )
    return True


def require_ours(s3: Any, name: str, environment: str, region: str) -> None:
    """Refuse a bucket that something else than this program made and uses.

    Raises:
        StateError: it is in another region, or holds something and is not labelled as this environment's.
    """
    found = s3.get_bucket_location(Bucket=name).get("LocationConstraint") or "us-east-1"
    if found != region:
        raise StateError(f"The bucket {name} is in {found}, but {environment}.yaml says {region}. Nothing was changed.")
    tags = _tags(s3, name)
    if tags.get("managed_by") == MANAGED_BY and tags.get("environment") == environment:
        return
    holds = s3.list_object_versions(Bucket=name, MaxKeys=1)
    if tags or holds.get("Versions") or holds.get("DeleteMarkers"):
        raise StateError(
            f"The bucket {name} exists but is not the state bucket of {environment}: its tag managed_by is "
            f"{tags.get('managed_by')!r}, not {MANAGED_BY!r}. Nothing was changed. If it is to hold the state, "
            f"tag it managed_by={MANAGED_BY} and environment={environment}; else change prefix."
        )


def bucket_settings(s3: Any, name: str, environment: Environment) -> list[BucketSetting]:
    """Return what the state bucket called ``name`` must be."""
    tags = state_bucket_labels(environment)
    # The provider's own key suffices: the state holds references to secrets and never a value.
    encryption = [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True},
    ]
    closed = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    rules = [
        {
            "ID": "old-states",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": NONCURRENT_DAYS},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ]
    policy = _tls_only(s3, name)
    return [
        BucketSetting(
            "public access blocked",
            lambda: _read(lambda: s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]),
            closed,
            lambda: s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=closed),
        ),
        BucketSetting(
            "tags",
            lambda: _tags(s3, name),
            tags,
            lambda: s3.put_bucket_tagging(
                Bucket=name, Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}
            ),
        ),
        BucketSetting(
            "versioned",
            lambda: s3.get_bucket_versioning(Bucket=name).get("Status"),
            "Enabled",
            lambda: s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"}),
        ),
        BucketSetting(
            "encrypted",
            lambda: _read(lambda: _encryption(s3, name)),
            encryption,
            lambda: s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": encryption}),
        ),
        BucketSetting(
            "TLS only",
            lambda: _read(lambda: json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])),
            policy,
            lambda: s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy)),
        ),
        BucketSetting(
            "old states expire",
            lambda: _read(lambda: s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]),
            rules,
            lambda: s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules}),
        ),
    ]


def _tls_only(s3: Any, name: str) -> dict[str, Any]:
    arn = f"arn:{s3.meta.partition}:s3:::{name}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "DenyWithoutTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def _encryption(s3: Any, name: str) -> list[dict[str, Any]]:
    """Return the rules of the bucket's encryption, without what AWS adds to them."""
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    kept = ("ApplyServerSideEncryptionByDefault", "BucketKeyEnabled")
    return [{key: rule[key] for key in kept if key in rule} for rule in rules]


def _tags(s3: Any, name: str) -> dict[str, str]:
    found = _read(lambda: s3.get_bucket_tagging(Bucket=name)["TagSet"])
    return {tag["Key"]: tag["Value"] for tag in found or []}


def _read(call: Callable[[], Any]) -> Any:
    """Return what ``call`` returns, or None where S3 says that the bucket has no such setting."""
    from botocore.exceptions import ClientError

    try:
        return call()
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
