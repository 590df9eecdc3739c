"""Who may do what: every IAM policy against the reviewed inventory, and what no policy may say."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.aws.conftest import Applied
from tests.infra.offline.simulated import directory, resources

pytestmark = pytest.mark.xdist_group("aws")

INVENTORY = Path(__file__).parent / "inventory"
ORCHESTRATORS = ("airflow", "kubernetes", "local", "sagemaker")
Granted = dict[str, dict[str, list[str]]]
"""Actions by kind of role and name of policy."""


def inventory(name: str) -> Granted:
    loaded: Granted = yaml.safe_load((INVENTORY / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def kind_of(role: str) -> str:
    return {"cl": "client", "wl": "workload", "log": "flow-log"}.get(role.rsplit("-", 1)[-1], role.rsplit("-", 1)[-1])


def applied_policies(it: Applied) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind of role, name of policy and document of everything that grants rights in an applied environment."""
    for resource in it.ground.state()["resources"]:
        for instance in resource["instances"]:
            attributes = instance["attributes"]
            if resource["mode"] == "managed" and resource["type"] == "aws_iam_role_policy":
                yield kind_of(attributes["role"]), attributes["name"], json.loads(attributes["policy"])
            elif resource["mode"] == "managed" and resource["type"] == "aws_iam_policy":
                yield "boundary", "boundary", json.loads(attributes["policy"])


def grants(policies: Iterator[tuple[str, str, dict[str, Any]]]) -> Granted:
    found: dict[str, dict[str, set[str]]] = {}
    for kind, name, document in policies:
        actions = found.setdefault(kind, {}).setdefault(name, set())
        for statement in document["Statement"]:
            if statement["Effect"] == "Allow":
                actions.update(listed(statement["Action"]))
    return {kind: {name: sorted(actions) for name, actions in sorted(by.items())} for kind, by in sorted(found.items())}


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The plan of the module identity for each orchestrator, by address of resource."""
    cases = {name: {"orchestrator": name, "step_operator": None} for name in ORCHESTRATORS}
    cases["step-operator"] = {"orchestrator": "airflow", "step_operator": "sagemaker"}
    text = f"""
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws" }}
  }}
}}

provider "aws" {{
  region              = "eu-central-1"
  allowed_account_ids = ["333333333333"]
}}

module "identity" {{
  source        = "../../modules/aws/identity"
  for_each      = jsondecode({json.dumps(json.dumps(cases))})
  client_name   = "oncology-production-cl"
  cluster       = "ml"
  orchestrator  = each.value.orchestrator
  step_operator = each.value.step_operator
  team          = "oncology"
  workload_name = "oncology-production-wl"
}}
"""
    planned = resources(directory(tmp_path_factory.mktemp("aws-identities"), text).plan())
    return {address: found["values"] for address, found in planned.items()}


def orchestrator_grants(identities: dict[str, dict[str, Any]], case: str) -> Granted:
    prefix = f'module.identity["{case}"].aws_iam_role_policy.'
    policies = (
        (address.removeprefix(prefix).split("[")[0], "orchestrator", json.loads(after["policy"]))
        for address, after in identities.items()
        if address.startswith(prefix)
    )
    return grants(policies)


@pytest.mark.parametrize("case", [*ORCHESTRATORS, "step-operator"])
def test_each_orchestrator_needs_exactly_the_reviewed_actions(case: str, identities: dict[str, dict[str, Any]]) -> None:
    assert orchestrator_grants(identities, case) == inventory(case)


@pytest.mark.parametrize("environment", ["dev", "production"])
def test_an_environment_grants_exactly_the_reviewed_actions(environment: str, applied: dict[str, Applied]) -> None:
    found = grants(applied_policies(applied[environment]))
    orchestrator = {"dev": "local", "production": "sagemaker"}[environment]
    expected = inventory("common")
    if orchestrator == "local":  # nothing runs in the network
        expected["workload"].pop("network")
    if environment == "dev":  # a file signs its log, so nobody may use a key for that
        for kind in ("apply", "client", "workload"):
            for action in ("kms:GetPublicKey", "kms:Sign"):
                expected[kind]["audit-store"].remove(action)
    for kind, policies in inventory(orchestrator).items():
        expected[kind].update(policies)
    assert found == {kind: dict(sorted(policies.items())) for kind, policies in sorted(expected.items())}


@pytest.mark.parametrize("environment", ["dev", "production"])
def test_no_policy_grants_everything_and_none_is_amazons_own(environment: str, applied: dict[str, Applied]) -> None:
    checked = 0
    for _, _, document in applied_policies(applied[environment]):
        for statement in document["Statement"]:
            if statement["Effect"] == "Allow":
                assert not ("*" in listed(statement["Action"]) and "*" in listed(statement["Resource"]))
                assert "NotAction" not in statement
                assert "NotResource" not in statement
                checked += 1
    assert checked > 40
    types = {resource["type"] for resource in applied[environment].ground.state()["resources"]}
    assert not types & {"aws_iam_role_policy_attachment", "aws_iam_user", "aws_iam_access_key", "aws_iam_group"}


NAMES_NO_RESOURCE = {
    "ce:CreateAnomalyMonitor",
    "ce:CreateAnomalySubscription",
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "kms:CreateKey",
    "kms:ListAliases",
}
"""Actions that AWS lets name no resource (docs.aws.amazon.com/service-authorization); ec2:Describe* are such too."""


@pytest.mark.parametrize("environment", ["dev", "production"])
def test_a_star_stands_only_where_an_action_can_name_no_resource(environment: str, applied: dict[str, Applied]) -> None:
    for kind, name, document in applied_policies(applied[environment]):
        for statement in document["Statement"]:
            if statement["Effect"] == "Allow" and "*" in listed(statement["Resource"]):
                strange = {
                    action
                    for action in listed(statement["Action"])
                    if action not in NAMES_NO_RESOURCE and not action.startswith("ec2:Describe")
                }
                assert not strange, (kind, name)


@pytest.mark.parametrize("case", [*ORCHESTRATORS, "step-operator"])
def test_the_workload_role_is_passed_only_to_services_that_act_as_it(
    case: str, identities: dict[str, dict[str, Any]]
) -> None:
    trust = json.loads(identities[f'module.identity["{case}"].aws_iam_role.workload']["assume_role_policy"])
    principal = trust["Statement"][0]["Principal"]
    trusted = set(listed(principal.get("Service", [])))
    if not trusted:
        assert principal == {"AWS": "arn:aws:iam::333333333333:role/oncology-production-cl"}
    passed = set()
    for address, after in identities.items():
        if not address.startswith(f'module.identity["{case}"].aws_iam_role_policy.'):
            continue
        for statement in json.loads(after["policy"])["Statement"]:
            if "iam:PassRole" in statement["Action"]:
                assert statement["Resource"] == ["arn:aws:iam::333333333333:role/oncology-production-wl"]
                passed |= set(listed(statement["Condition"]["StringEquals"]["iam:PassedToService"]))
    assert passed == trusted - {"pods.eks.amazonaws.com"}


def test_no_role_reaches_beyond_its_boundary(applied: dict[str, Applied]) -> None:
    """What a policy grants and the boundary does not would silently not work."""
    policies = list(applied_policies(applied["production"]))
    boundary = [
        action
        for kind, _, document in policies
        if kind == "boundary"
        for s in document["Statement"]
        for action in listed(s["Action"])
    ]
    for kind, name, document in policies:
        if kind not in {"client", "workload", "flow-log"}:
            continue
        for statement in document["Statement"]:
            for action in listed(statement["Action"]):
                service = action.split(":")[0]
                assert action in boundary or f"{service}:*" in boundary, (kind, name, action)


@pytest.mark.parametrize("environment", ["dev", "production"])
def test_whoever_plans_may_take_the_lock_and_write_nothing_else(environment: str, applied: dict[str, Applied]) -> None:
    backend = applied[environment].ground.where.backend
    lock = f"arn:aws:s3:::{backend['bucket']}/{backend['key']}.tflock"
    written = {
        resource
        for kind, _, document in applied_policies(applied[environment])
        for statement in document["Statement"]
        if kind == "plan" and {"s3:PutObject", "s3:DeleteObject"} & set(listed(statement["Action"]))
        for resource in listed(statement["Resource"])
    }
    assert written == {f"arn:aws:s3:::{backend['bucket']}/*.tflock"}
    assert any(fnmatch.fnmatchcase(lock, pattern) for pattern in written)
