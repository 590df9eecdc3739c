"""The shared server applied by the real provider: what it is, what it never shows, and what a destroy refuses."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from environments import SERVER, load_platform
from stack_bootstrap import infrastructure
from stack_bootstrap.infrastructure import ProtectedEnvironmentError
from stack_bootstrap.policy import check_plan, context_of, own_violations
from stack_bootstrap.policy.checkov import LOCK, TOOLS
from stack_bootstrap.terraform import GuardRefusedError
from stack_bootstrap.tool_environment import ToolEnvironmentError, tool_environment
from tests.conftest import REPOSITORY, copy_settings, edit_yaml
from tests.infra.aws.cloud import Cloud, Ground, break_ground, require_provider

pytestmark = [
    pytest.mark.xdist_group("aws"),
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("ALL_RUNS"), reason="applies 92 resources, for minutes: ALL_RUNS=1"),
]

SECRETS = {
    "administrator_password": "first-administrator-of-all",
    "database_password": "correct-horse-battery",
    "encryption_key": "what-encrypts-the-values-of-secrets",
    "token_key": "what-signs-every-login",
}
FORGOTTEN = {
    "module.server.aws_db_instance.this",
    "module.server.aws_db_parameter_group.this",
    "module.server.aws_ecs_service.this",
}
"""Of these moto 5.2 does not keep everything: performance insights, parameters, how a service deploys and is placed."""
TEAM = "mlflow-2e2a2"  # the page of oncology/production; its key is a digest, as names of load balancers are short


@pytest.fixture(scope="module")
def ground(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The server's root, applied in an account of its own."""
    require_provider()
    folder = tmp_path_factory.mktemp("aws-server-root")
    settings = copy_settings(folder)
    shutil.copy(REPOSITORY / "infra" / "servers" / "server.example.yaml", settings / "server.yaml")
    edit_yaml(settings / "production.yaml", lambda raw: raw["aws"].update(account_id="555555555555"))
    edit_yaml(settings / "production.yaml", lambda raw: raw.update(prefix="served"))
    certificates = cloud.session("555555555555").client("acm")
    certificate = certificates.request_certificate(DomainName="zenml.acme.example")["CertificateArn"]
    edit_yaml(settings / "server.yaml", lambda raw: raw["aws"].update(certificate_arn=certificate))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_VAR_server_secret_values", json.dumps(SECRETS))
        yield break_ground(cloud, folder, settings, SERVER)


@pytest.fixture(scope="module")
def plan(ground: Ground) -> dict[str, Any]:
    """What it was applied with."""
    planned = infrastructure.plan(ground.where)
    shown = ground.terraform.show(planned.plan_file)
    infrastructure.apply(ground.where, plan_file=planned.plan_file)
    return shown


def client(ground: Ground, service: str) -> Any:
    return ground.cloud.session(ground.account).client(service)


def database(ground: Ground) -> dict[str, Any]:
    (found,) = client(ground, "rds").describe_db_instances(DBInstanceIdentifier="server-production")["DBInstances"]
    assert isinstance(found, dict)
    return found


def test_the_database_is_private_encrypted_and_kept(ground: Ground, plan: dict[str, Any]) -> None:
    found, kms = database(ground), client(ground, "kms")
    assert (found["PubliclyAccessible"], found["MultiAZ"], found["StorageEncrypted"]) == (False, True, True)
    assert found["KmsKeyId"] == kms.describe_key(KeyId="alias/server-production")["KeyMetadata"]["Arn"]
    assert (found["BackupRetentionPeriod"], found["DeletionProtection"]) == (35, True)
    (group,) = client(ground, "ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["server-production-database"]}]
    )["SecurityGroups"]
    (rule,) = group["IpPermissions"]
    assert (rule["FromPort"], rule["ToPort"], rule["IpRanges"], len(rule["UserIdGroupPairs"])) == (3306, 3306, [], 1)


def test_two_containers_run_in_private_and_scale(ground: Ground, plan: dict[str, Any]) -> None:
    ecs = client(ground, "ecs")
    services = ecs.describe_services(cluster="server-production", services=["zenml", TEAM])["services"]
    assert {service["desiredCount"] for service in services} == {2}
    scaling = client(ground, "application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")
    assert {(it["MinCapacity"], it["MaxCapacity"]) for it in scaling["ScalableTargets"]} == {(2, 6)}
    planned = [it["change"]["after"] for it in plan["resource_changes"] if it["type"] == "aws_ecs_service"]
    assert len(planned) == 3
    for service in planned:  # moto forgets these
        assert [it["assign_public_ip"] for it in service["network_configuration"]] == [False]
        assert service["deployment_minimum_healthy_percent"] == 100
        assert service["deployment_circuit_breaker"] == [{"enable": True, "rollback": True}]


def test_the_way_in_is_tls_from_the_named_networks(ground: Ground, plan: dict[str, Any]) -> None:
    balancers = client(ground, "elbv2")
    (balancer,) = balancers.describe_load_balancers()["LoadBalancers"]
    assert balancer["Scheme"] == "internal"
    (listener,) = balancers.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert (listener["Port"], listener["Protocol"]) == (443, "HTTPS")
    assert listener["SslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2")
    (group,) = client(ground, "ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["server-production-balancer"]}]
    )["SecurityGroups"]
    ranges = [it["CidrIp"] for rule in group["IpPermissions"] for it in rule["IpRanges"]]
    assert ranges == ["10.0.0.0/8"]


def test_secrets_are_references_everywhere_but_where_they_are_kept(ground: Ground, plan: dict[str, Any]) -> None:
    kept = client(ground, "secretsmanager")
    for key, value in SECRETS.items():
        name = f"server-production-{key.replace('_', '-')}"
        assert kept.get_secret_value(SecretId=name)["SecretString"] == value
    definition = client(ground, "ecs").describe_task_definition(taskDefinition="server-production-zenml")
    (container,) = definition["taskDefinition"]["containerDefinitions"]
    assert {it["name"] for it in container["secrets"]} == {
        "GROUNDWORK_DATABASE_PASSWORD",
        "ZENML_DEFAULT_USER_PASSWORD",
        "ZENML_SECRETS_STORE_ENCRYPTION_KEY",
        "ZENML_SERVER_JWT_SECRET_KEY",
    }
    assert all(it["valueFrom"].startswith("arn:aws:secretsmanager:") for it in container["secrets"])
    everywhere = json.dumps([ground.state(), plan, definition], default=str)
    assert [key for key, value in SECRETS.items() if value in everywhere] == []
    assert "secret_string_wo_version" in everywhere, "it is the state that was looked at"


def test_containers_are_the_image_by_digest_without_rights(ground: Ground, plan: dict[str, Any]) -> None:
    for family, command in (("zenml", "zenml"), (TEAM, "tracker")):
        definition = client(ground, "ecs").describe_task_definition(taskDefinition=f"server-production-{family}")
        (container,) = definition["taskDefinition"]["containerDefinitions"]
        assert "@sha256:" in container["image"]
        assert container["command"] == ["python", "-m", "governance.server.container", command]
        assert (container["readonlyRootFilesystem"], container["privileged"]) == (True, False)
        assert container["user"] == "10001:10001"
        assert container["linuxParameters"]["capabilities"]["drop"] == ["ALL"]


def test_the_server_reads_the_log_and_appends_to_that_of_its_own_environment(
    ground: Ground, plan: dict[str, Any]
) -> None:
    policy = client(ground, "iam").get_role_policy(RoleName="server-production-task", PolicyName="task")
    statements = {it["Sid"]: it for it in policy["PolicyDocument"]["Statement"]}
    assert statements["AppendEvents"]["Resource"] == "arn:aws:s3:::served-platform-production-audit/*"
    assert not any("Delete" in str(it["Action"]) for it in statements.values())
    role = client(ground, "iam").get_role(RoleName="server-production-task")["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith("policy/production-boundary")


def test_its_state_is_its_own_and_a_second_plan_changes_only_what_moto_forgets(
    ground: Ground, plan: dict[str, Any]
) -> None:
    assert ground.where.backend["key"] == "aws/server/terraform.tfstate"
    changes = infrastructure.drift(ground.where).changes
    assert (changes.add, changes.delete, changes.replace) == ((), (), ())
    assert {address.partition("[")[0] for address in changes.change} <= FORGOTTEN


def test_where_it_is_can_be_read(ground: Ground, plan: dict[str, Any]) -> None:
    served = ground.terraform.output("server")
    assert served["address"] == "https://zenml.acme.example"
    assert served["trackers"]["oncology/production"] == "https://oncology-production.zenml.acme.example"
    assert not served["simulated"]


def test_the_plan_breaks_no_rule(ground: Ground, plan: dict[str, Any]) -> None:
    platform = load_platform(ground.settings)
    context = replace(context_of(platform, "production", "aws"), environment=SERVER, protected=True)
    assert own_violations(plan, context) == []
    try:
        tool_environment("checkov", LOCK, TOOLS)
    except ToolEnvironmentError as error:
        pytest.skip(f"checkov is needed and cannot be installed: {error}")
    without_keys = copy.deepcopy(plan)
    for key in ("access_key", "secret_key", "token"):  # of the override that points the provider at the tests' server
        del without_keys["configuration"]["provider_config"]["aws"]["expressions"][key]
    verdict = check_plan(without_keys, context)
    assert verdict.violations == ()
    bare = replace(context, environment="production")
    assert {it.rule for it in check_plan(without_keys, bare).violations} >= {"CKV_AWS_378"}, (
        "exceptions name the server"
    )


def test_a_destroy_is_refused_before_anything_is_gone(ground: Ground, plan: dict[str, Any]) -> None:
    with pytest.raises(ProtectedEnvironmentError, match="server is protected"):
        infrastructure.destroy(ground.where)
    with pytest.raises(ProtectedEnvironmentError, match=r"protected: false in server\.yaml"):
        infrastructure.destroy(ground.where, confirm=SERVER)
    edit_yaml(ground.settings / "server.yaml", lambda raw: raw.update(protected=False))
    ground.refresh()
    with pytest.raises(ProtectedEnvironmentError):  # what was applied counts, and not an edited file
        infrastructure.destroy(ground.where)
    destroy = ground.where.home / "by-hand.tfplan"
    ground.terraform.plan(destroy, destroy=True)
    with pytest.raises(GuardRefusedError):
        ground.terraform.apply(destroy)
    assert database(ground)["DBInstanceStatus"] == "available"
