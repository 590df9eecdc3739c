"""Who in one environment may read another's audit log: clients and workflows of those named, and they do no more."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from environments import ORDER, SettingsError, load_platform
from tests.conftest import copy_settings, edit_yaml
from tests.infra.gcp.settings import COMPLETE, choose
from tests.infra.offline.simulated import apply_root, resources

pytestmark = pytest.mark.xdist_group("terraform modules")

READERS = {"dev": ["staging", "production"], "staging": ["production"], "production": ["staging"]}
TEAMS = ("diabetes-care", "oncology", "platform")
LOG = "acme-ml-platform-production-audit"
READS = ("s3:GetObject", "s3:GetObjectRetention", "s3:ListBucket")
WRITES = ("s3:DeleteObject", "s3:PutBucketPolicy", "s3:PutObject", "s3:PutObjectLegalHold", "s3:PutObjectRetention")

Found = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = choose(copy_settings(tmp_path_factory.mktemp("readers")), orchestrator="local", **COMPLETE)
    for name in ORDER:
        edit_yaml(made / f"{name}.yaml", lambda raw: raw.update(audit={"readers": READERS[raw["environment"]]}))
        edit_yaml(made / f"{name}.yaml", lambda raw: raw["aws"].update(github={"owner": "acme", "name": "groundwork"}))
    return made


@pytest.fixture(scope="module")
def aws(settings: Path) -> dict[str, Found]:
    return {name: resources(apply_root(settings, name, "aws")) for name in ("staging", "production")}


@pytest.fixture(scope="module")
def google(settings: Path) -> Found:
    return resources(apply_root(settings, "production", "gcp"))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(policy: str) -> Iterator[dict[str, Any]]:
    yield from (it for it in json.loads(policy)["Statement"] if it["Effect"] == "Allow")


def matches(statement: dict[str, Any], action: str, resource: str) -> bool:
    return any(fnmatch.fnmatchcase(action, it) for it in listed(statement["Action"])) and any(
        fnmatch.fnmatchcase(resource, it) for it in listed(statement["Resource"])
    )


def admits(policy: str, role: str, action: str, resource: str) -> bool:
    """Whether the policy of a bucket or key lets a role of another account do ``action``."""
    account = f"arn:aws:iam::{role.split(':')[4]}:root"
    return any(
        matches(it, action, resource)
        and account in listed(it["Principal"].get("AWS", []))
        and role in listed(it["Condition"]["ArnEquals"]["aws:PrincipalArn"])
        for it in statements(policy)
        if "ArnEquals" in it.get("Condition", {})
    )


def grants(found: Found, role: str, action: str, resource: str) -> bool:
    """Whether a role's own policies, within its boundary, let it do ``action``."""
    own = [it["values"]["policy"] for it in found.values() if it["type"] == "aws_iam_role_policy"
           and it["values"]["role"] == role]  # fmt: skip
    (about,) = (it["values"] for it in found.values() if it["type"] == "aws_iam_role" and it["values"]["name"] == role)
    boundary = [found["module.permissions_boundary.aws_iam_policy.this"]["values"]["policy"]]
    layers = [own, boundary] if about["permissions_boundary"] else [own]
    return all(any(matches(it, action, resource) for policy in layer for it in statements(policy)) for layer in layers)


def test_on_aws_clients_and_the_workflow_of_an_environment_that_is_named_read_and_do_no_more(
    aws: dict[str, Found],
) -> None:
    bucket = aws["production"]["module.audit_store.module.bucket.aws_s3_bucket_policy.this"]["values"]["policy"]
    readers = {f"{team}-staging-cl" for team in TEAMS} | {"staging-apply"}
    roles = {it["values"]["name"] for it in aws["staging"].values() if it["type"] == "aws_iam_role"}
    assert readers < roles
    for role in roles:
        for action in (*READS, *WRITES):
            resource = f"arn:aws:s3:::{LOG}" + ("" if action.endswith(("Bucket", "BucketPolicy")) else "/entries/0/1")
            arn = f"arn:aws:iam::222222222222:role/{role}"
            admitted = admits(bucket, arn, action, resource)
            assert not (admitted and action in WRITES), f"{action} would wait for a grant of staging's own"
            may = admitted and grants(aws["staging"], role, action, resource)
            assert may == (role in readers and action in READS), (role, action)
    artifacts = "arn:aws:s3:::acme-ml-oncology-production-artifacts/model"
    assert not any(grants(aws["staging"], role, "s3:GetObject", artifacts) for role in roles)


def test_on_aws_they_decrypt_what_the_logs_bucket_holds(aws: dict[str, Found]) -> None:
    key = aws["production"]["module.encryption_key.aws_kms_key.this"]["values"]["policy"]
    arn = "arn:aws:kms:eu-central-1:333333333333:key/1"
    for role, may in (("oncology-staging-cl", True), ("staging-apply", True), ("oncology-staging-wl", False)):
        principal = f"arn:aws:iam::222222222222:role/{role}"
        assert admits(key, principal, "kms:Decrypt", arn) == may
        assert grants(aws["staging"], role, "kms:GetPublicKey", arn) == may
        assert not admits(key, principal, "kms:GenerateDataKey", arn)
        assert not admits(key, principal, "kms:Sign", arn)
    (foreign,) = (it for it in statements(key) if "ArnEquals" in it.get("Condition", {}))
    within = foreign["Condition"]["StringLike"]["kms:EncryptionContext:aws:s3:arn"]
    assert within == [f"arn:aws:s3:::{LOG}", f"arn:aws:s3:::{LOG}/*"]


def test_on_aws_an_environment_that_is_not_named_is_admitted_nowhere(aws: dict[str, Found]) -> None:
    admitting = {
        address: it["values"]["policy"]
        for address, it in aws["production"].items()
        if it["type"] in ("aws_s3_bucket_policy", "aws_kms_key", "aws_ecr_repository_policy")
    }
    assert [address for address, policy in admitting.items() if "222222222222" in policy] == [
        "module.audit_store.module.bucket.aws_s3_bucket_policy.this",
        "module.encryption_key.aws_kms_key.this",
    ]
    assert not any("111111111111" in policy for policy in admitting.values())
    entry = "arn:aws:s3:::acme-ml-platform-dev-audit/entries/0/1"
    assert grants(aws["production"], "oncology-production-cl", "s3:GetObject", entry), "dev names production"
    assert not grants(aws["production"], "oncology-production-wl", "s3:GetObject", entry)


def test_on_google_clients_and_the_workflow_of_an_environment_that_is_named_read_and_do_no_more(google: Found) -> None:
    expected = {
        f"serviceAccount:{account}@acme-ml-staging.iam.gserviceaccount.com"
        for account in (*(f"{team}-staging-cl" for team in TEAMS), "staging-apply")
    }
    foreign = {
        (resource["type"], resource["values"]["role"], resource["values"]["member"])
        for address, resource in google.items()
        if "acme-ml-production" not in resource["values"].get("member", "acme-ml-production")
        and "@acme-ml-" in resource["values"]["member"]
    }
    assert foreign == {
        (kind, role, member)
        for member in expected
        for kind, role in (
            ("google_storage_bucket_iam_member", "roles/storage.objectViewer"),
            ("google_kms_crypto_key_iam_member", "roles/cloudkms.publicKeyViewer"),
        )
    }
    buckets = {
        resource["values"]["bucket"]
        for resource in google.values()
        if resource["type"] == "google_storage_bucket_iam_member" and resource["values"]["member"] in expected
    }
    keys = {
        address
        for address, resource in google.items()
        if resource["type"] == "google_kms_crypto_key_iam_member" and resource["values"]["member"] in expected
    }
    assert buckets == {LOG}
    assert all(address.startswith("module.audit_key.") for address in keys)
    assert not any("acme-ml-dev" in json.dumps(resource) for resource in google.values())


@pytest.mark.parametrize("reader", ["production", "stagign"])
def test_a_reader_that_is_no_other_environment_is_refused(reader: str, settings_directory: Path) -> None:
    edit_yaml(settings_directory / "production.yaml", lambda raw: raw.update(audit={"readers": [reader]}))
    with pytest.raises(SettingsError, match=f"audit.readers: {reader} is no other environment; choose from: dev, stag"):
        load_platform(settings_directory)
