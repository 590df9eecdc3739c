"""The root applied by the real provider: what exists afterwards, and what a change to the settings touches."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stack_bootstrap import infrastructure
from stack_bootstrap.contract import StackContract
from tests.conftest import edit_yaml
from tests.infra.aws.conftest import SECRET, Applied

pytestmark = pytest.mark.xdist_group("aws")

ENVIRONMENTS = ("dev", "production")
STACKS = ("diabetes-care", "oncology", "platform")


@pytest.fixture(params=ENVIRONMENTS)
def it(request: pytest.FixtureRequest, applied: dict[str, Applied]) -> Applied:
    return applied[request.param]


def artifact_stores(it: Applied) -> list[str]:
    return [f"acme-ml-{team}-{it.ground.environment}-artifacts" for team in STACKS]


def audit_store(it: Applied) -> str:
    return f"acme-ml-platform-{it.ground.environment}-audit"


def client(it: Applied, service: str) -> Any:
    return it.ground.cloud.session(it.ground.account).client(service)


def test_every_team_and_the_platform_gets_a_contract(it: Applied) -> None:
    assert set(it.result.stacks) == set(STACKS)
    contract = it.result.stacks["oncology"]
    assert isinstance(contract, StackContract)
    assert contract.stack.name == f"oncology-{it.ground.environment}"
    assert contract.components["artifact_store"].configuration == {
        "path": f"s3://acme-ml-oncology-{it.ground.environment}-artifacts"
    }
    orchestrator = contract.components["orchestrator"]
    assert orchestrator.flavor == ("local" if it.ground.environment == "dev" else "sagemaker")
    assert not contract.simulated


def test_buckets_are_versioned_encrypted_closed_and_logged(it: Applied) -> None:
    s3 = client(it, "s3")
    key = client(it, "kms").describe_key(KeyId=f"alias/{it.ground.environment}")["KeyMetadata"]["Arn"]
    for name in [*artifact_stores(it), audit_store(it)]:
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
        rule = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
        assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        assert set(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values()) == {True}
        ownership = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
        assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        logging = s3.get_bucket_logging(Bucket=name)["LoggingEnabled"]
        assert logging["TargetBucket"] == f"acme-ml-{it.ground.environment}-access-logs"
        assert logging["TargetPrefix"] == f"{name}/"
        policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
        tls = next(statement for statement in policy["Statement"] if statement["Sid"] == "DenyWithoutTls")
        assert (tls["Effect"], tls["Action"]) == ("Deny", "s3:*")
        assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_artifact_stores_expire_what_was_replaced_or_abandoned(it: Applied) -> None:
    for name in artifact_stores(it):
        rules = {rule["ID"]: rule for rule in client(it, "s3").get_bucket_lifecycle_configuration(Bucket=name)["Rules"]}
        assert rules["aborted-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
        assert rules["noncurrent-versions"]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 90


def test_the_audit_store_is_locked_for_the_environments_retention(it: Applied) -> None:
    default, minimum = {"dev": (365, 30), "production": (3653, 2557)}[it.ground.environment]
    s3, name = client(it, "s3"), audit_store(it)
    retention = s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert (retention["Mode"], retention["Days"]) == ("COMPLIANCE", default)
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    denied = {statement["Sid"]: statement for statement in policy["Statement"] if statement["Effect"] == "Deny"}
    shorter = denied["DenyShorterRetention"]["Condition"]["NumericLessThan"]
    # A day less, because the date that an event carries was reckoned a moment before S3 reckons what remains.
    assert shorter == {"s3:object-lock-remaining-retention-days": str(minimum - 1)}
    assert "s3:BypassGovernanceRetention" in denied["DenyBypassAndDelete"]["Action"]


def test_an_audit_event_cannot_be_deleted_or_written_twice(applied: dict[str, Applied]) -> None:
    it = applied["production"]  # not dev, which could not be destroyed any more
    s3, name = client(it, "s3"), audit_store(it)
    made = s3.put_object(Bucket=name, Key="probe/event", Body=b"first", IfNoneMatch="*")
    with pytest.raises(s3.exceptions.ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=name, Key="probe/event", Body=b"second", IfNoneMatch="*")
    with pytest.raises(s3.exceptions.ClientError) as refused:
        s3.delete_object(Bucket=name, Key="probe/event", VersionId=made["VersionId"], BypassGovernanceRetention=True)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_the_key_rotates(it: Applied) -> None:
    kms = client(it, "kms")
    key = kms.describe_key(KeyId=f"alias/{it.ground.environment}")["KeyMetadata"]["KeyId"]
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]


def test_registries_are_immutable_scanned_and_encrypted(it: Applied) -> None:
    ecr = client(it, "ecr")
    for repository in ecr.describe_repositories()["repositories"]:
        assert repository["imageTagMutability"] == "IMMUTABLE"
        assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
        assert repository["encryptionConfiguration"]["encryptionType"] == "KMS"
        assert ecr.get_lifecycle_policy(repositoryName=repository["repositoryName"])["lifecyclePolicyText"]


def test_there_are_no_users_and_no_access_keys(it: Applied) -> None:
    assert client(it, "iam").list_users()["Users"] == []


def test_workflows_apply_only_from_the_environments_own_subject(it: Applied) -> None:
    iam, environment = client(it, "iam"), it.ground.environment
    condition = {}
    for kind in ("apply", "plan"):
        trust = iam.get_role(RoleName=f"{environment}-{kind}")["Role"]["AssumeRolePolicyDocument"]
        condition[kind] = trust["Statement"][0]["Condition"]
    assert condition["apply"]["StringEquals"] == {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": f"repo:acme/groundwork:environment:{environment}",
    }
    assert condition["plan"]["StringLike"] == {"token.actions.githubusercontent.com:sub": "repo:acme/groundwork:*"}


def test_secrets_hold_the_value_and_nothing_else_does(it: Applied) -> None:
    secrets = client(it, "secretsmanager")
    name = f"oncology-{it.ground.environment}-registry-token"
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == SECRET
    reference = it.result.stacks["oncology"].secrets["registry-token"]
    assert reference.manager == "aws-secrets-manager"
    assert reference.reference == secrets.describe_secret(SecretId=name)["ARN"]
    assert SECRET not in json.dumps(it.ground.state())
    assert SECRET not in json.dumps(it.plan)
    assert SECRET not in json.dumps({team: contract.model_dump() for team, contract in it.result.stacks.items()})


def test_the_network_has_two_private_subnets_and_no_way_in(it: Applied) -> None:
    ec2 = client(it, "ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": [it.ground.environment]}])["Vpcs"][0]
    inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    subnets = ec2.describe_subnets(Filters=inside)["Subnets"]
    assert len({subnet["AvailabilityZone"] for subnet in subnets}) == 2
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in subnets)
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}]
    assert ec2.describe_internet_gateways(Filters=attached)["InternetGateways"] == []
    for group in ec2.describe_security_groups(Filters=inside)["SecurityGroups"]:
        for permission in group["IpPermissions"]:
            assert all(given["CidrIp"] == vpc["CidrBlock"] for given in permission["IpRanges"])
    endpoints = {
        endpoint["ServiceName"].removeprefix("com.amazonaws.eu-central-1.")
        for endpoint in ec2.describe_vpc_endpoints(Filters=inside)["VpcEndpoints"]
    }
    interfaces = {"ecr.api", "ecr.dkr", "logs", "sagemaker.api", "sagemaker.runtime", "secretsmanager", "sts"}
    assert endpoints == {"s3"} | (interfaces if it.ground.environment == "production" else set())


def test_every_team_and_the_environment_has_a_budget_with_alerts(it: Applied) -> None:
    budgets, account = client(it, "budgets"), it.ground.account
    amounts = {
        b["BudgetName"]: float(b["BudgetLimit"]["Amount"])
        for b in budgets.describe_budgets(AccountId=account)["Budgets"]
    }
    environment = it.ground.environment
    expected = {
        "dev": {"dev": 200, "diabetes-care-dev": 40, "oncology-dev": 60},
        "production": {"production": 2000, "diabetes-care-production": 600, "oncology-production": 600},
    }[environment]
    assert amounts == expected
    team = budgets.describe_budget(AccountId=account, BudgetName=f"oncology-{environment}")["Budget"]
    assert team["CostFilters"] == {"TagKeyValue": ["user:team$oncology"]}
    alerts = budgets.describe_notifications_for_budget(AccountId=account, BudgetName=f"oncology-{environment}")
    thresholds = {(n["NotificationType"], n["Threshold"]) for n in alerts["Notifications"]}
    assert thresholds == {("ACTUAL", 50), ("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)}
    topics = client(it, "sns").list_subscriptions()["Subscriptions"]
    assert "oncology-ml@example.com" in {subscription["Endpoint"] for subscription in topics}


def test_logs_are_kept_as_long_as_the_environment_says(it: Applied) -> None:
    groups = {g["logGroupName"]: g for g in client(it, "logs").describe_log_groups()["logGroups"]}
    days = {"dev": 30, "production": 2557}[it.ground.environment]
    assert f"/groundwork/{it.ground.environment}/oncology" in groups
    assert {group["retentionInDays"] for group in groups.values()} == {days}
    assert all("kmsKeyId" in group for group in groups.values())
    assert ("/aws/sagemaker/TrainingJobs" in groups) == (it.ground.environment == "production")


def test_everything_taggable_names_environment_team_and_cost_center(it: Applied) -> None:
    wanted = {"environment", "team", "cost_center", "managed_by", "zenml_stack"}
    tagged = 0
    for resource in it.ground.state()["resources"]:
        for instance in resource["instances"]:
            tags = instance["attributes"].get("tags_all")
            if resource["mode"] == "managed" and tags is not None:
                assert wanted <= set(tags), resource["type"]
                assert tags["environment"] == it.ground.environment
                tagged += 1
    assert tagged > 40


def test_only_dev_may_lose_what_it_holds(it: Applied) -> None:
    forced = {
        (resource["type"], instance["attributes"].get("force_destroy", instance["attributes"].get("force_delete")))
        for resource in it.ground.state()["resources"]
        if resource["type"] in {"aws_s3_bucket", "aws_ecr_repository"}
        for instance in resource["instances"]
        if not instance["attributes"].get("object_lock_enabled")
    }
    allowed = it.ground.environment == "dev"
    assert forced == {("aws_s3_bucket", allowed), ("aws_ecr_repository", allowed)}


def test_planning_again_finds_nothing_to_do(it: Applied) -> None:
    assert not infrastructure.plan(it.ground.where).differs


def test_changing_one_team_touches_only_that_team(applied: dict[str, Applied]) -> None:
    ground = applied["production"].ground
    file = ground.settings / "teams" / "oncology.yaml"
    before = file.read_text(encoding="utf-8")
    try:
        edit_yaml(file, lambda raw: raw["environments"]["production"].update(budget=700))
        edit_yaml(file, lambda raw: raw.update(cost_center="cc-risk"))
        changes = infrastructure.plan(ground.where).changes
    finally:
        file.write_text(before, encoding="utf-8")
    assert changes.change
    assert not (changes.add or changes.delete or changes.replace)
    assert all('["oncology"]' in address for address in changes.change)


def test_a_third_team_only_adds(applied: dict[str, Applied]) -> None:
    ground = applied["production"].ground
    file = ground.settings / "teams" / "cardiology.yaml"
    try:
        file.write_text((ground.settings / "teams" / "oncology.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        edit_yaml(file, lambda raw: raw.update(team="cardiology", models=["arrhythmia_classifier"]))
        changes = infrastructure.plan(ground.where).changes
    finally:
        file.unlink()
    assert len(changes.add) > 20
    assert not (changes.change or changes.delete or changes.replace)
    assert all("cardiology" in address for address in changes.add)
