"""The state bucket: what it is, that a second run changes nothing, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from environments import Environment, load_platform
from stack_bootstrap.clouds.aws.state_bucket import make_state_bucket
from stack_bootstrap.clouds.state_bucket import MANAGED_BY, StateError
from tests.conftest import edit_yaml
from tests.infra.aws.cloud import Cloud

pytestmark = pytest.mark.xdist_group("aws")

ACCOUNT = "222222222222"


@pytest.fixture
def staging(settings_directory: Path, request: pytest.FixtureRequest) -> Environment:
    """An environment whose state bucket no other test has."""
    prefix = f"t{abs(hash(request.node.name)) % 10**9}"
    edit_yaml(settings_directory / "staging.yaml", lambda raw: raw.update(prefix=prefix))
    return load_platform(settings_directory).environment("staging")


@pytest.fixture
def session(cloud: Cloud) -> Any:
    return cloud.session(ACCOUNT)


def test_the_bucket_is_versioned_encrypted_closed_and_tls_only(staging: Environment, session: Any) -> None:
    made = make_state_bucket(staging, session=session)
    assert made.created
    s3 = session.client("s3")
    assert s3.get_bucket_versioning(Bucket=made.name)["Status"] == "Enabled"
    rule = s3.get_bucket_encryption(Bucket=made.name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert set(s3.get_public_access_block(Bucket=made.name)["PublicAccessBlockConfiguration"].values()) == {True}
    statement = json.loads(s3.get_bucket_policy(Bucket=made.name)["Policy"])["Statement"][0]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    ownership = s3.get_bucket_ownership_controls(Bucket=made.name)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert s3.get_bucket_location(Bucket=made.name)["LocationConstraint"] == "eu-central-1"


def test_a_second_run_changes_nothing(staging: Environment, session: Any) -> None:
    make_state_bucket(staging, session=session)
    again = make_state_bucket(staging, session=session)
    assert not again.created
    assert again.changes == ()


def test_what_somebody_changed_is_put_right_and_nothing_else(staging: Environment, session: Any) -> None:
    name = make_state_bucket(staging, session=session).name
    s3 = session.client("s3")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket_policy(Bucket=name)
    assert make_state_bucket(staging, session=session, dry_run=True).changes == ("versioned", "TLS only")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
    assert make_state_bucket(staging, session=session).changes == ("versioned", "TLS only")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"


def test_a_run_that_was_killed_after_making_the_bucket_is_finished(staging: Environment, session: Any) -> None:
    name = f"{staging.prefix}-staging-tfstate"
    session.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    made = make_state_bucket(staging, session=session)
    assert not made.created
    assert "versioned" in made.changes


def test_a_dry_run_makes_nothing(staging: Environment, session: Any) -> None:
    planned = make_state_bucket(staging, session=session, dry_run=True)
    assert planned.created
    assert planned.name not in {bucket["Name"] for bucket in session.client("s3").list_buckets()["Buckets"]}


def test_a_bucket_of_another_account_is_refused(staging: Environment, session: Any, cloud: Cloud) -> None:
    name = f"{staging.prefix}-staging-tfstate"
    theirs = cloud.session("999999999999").client("s3")
    theirs.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    with pytest.raises(StateError, match="belongs to another account than 222222222222"):
        make_state_bucket(staging, session=session)
    assert "Status" not in theirs.get_bucket_versioning(Bucket=name)


@pytest.mark.parametrize("tags", [[{"Key": "managed_by", "Value": "somebody"}], []], ids=["tagged", "filled"])
def test_a_bucket_that_something_else_uses_is_refused(
    staging: Environment, session: Any, tags: list[dict[str, str]]
) -> None:
    name, s3 = f"{staging.prefix}-staging-tfstate", session.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket=name, Key="theirs", Body=b"data")
    if tags:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    with pytest.raises(StateError, match=f"tag managed_by is .*, not {MANAGED_BY!r}"):
        make_state_bucket(staging, session=session)
    assert "Status" not in s3.get_bucket_versioning(Bucket=name)


def test_a_bucket_in_another_region_is_refused(staging: Environment, session: Any) -> None:
    name = f"{staging.prefix}-staging-tfstate"
    elsewhere = session.client("s3", region_name="eu-west-1")
    elsewhere.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with pytest.raises(StateError, match=r"is in eu-west-1, but staging\.yaml says eu-central-1"):
        make_state_bucket(staging, session=session)


def test_another_accounts_credentials_are_refused(staging: Environment, cloud: Cloud) -> None:
    with pytest.raises(StateError, match=r"of the AWS account 111111111111, but staging\.yaml says 222222222222"):
        make_state_bucket(staging, session=cloud.session("111111111111"))


def test_an_environment_without_aws_has_no_state_bucket(staging: Environment) -> None:
    with pytest.raises(StateError, match="no 'aws' section"):
        make_state_bucket(staging.model_copy(update={"aws": None}))


def test_the_command_says_what_it_did(
    settings_directory: Path, staging: Environment, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from stack_bootstrap.__main__ import app

    for name, value in cloud.variables(ACCOUNT).items():
        monkeypatch.setenv(name, value)
    given = ["state", "--env", "staging", "--cloud", "aws", "--settings", str(settings_directory)]
    made = CliRunner().invoke(app, given)
    assert made.exit_code == 0, made.output
    assert f"staging: the state bucket {staging.prefix}-staging-tfstate was made: " in made.output
    again = CliRunner().invoke(app, [*given, "--json"])
    assert json.loads(again.stdout) == [{"name": f"{staging.prefix}-staging-tfstate", "created": False, "changes": []}]
    other = CliRunner().invoke(
        app, ["state", "--env", "staging", "--cloud", "gcp", "--settings", str(settings_directory)]
    )
    assert isinstance(other.exception, StateError)
