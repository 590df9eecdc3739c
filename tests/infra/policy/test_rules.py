"""Every rule bites on a plan that breaks it, and on nothing in a plan that does not."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from environments import load_platform
from stack_bootstrap.policy import (
    RULES,
    Context,
    PolicyError,
    PolicyException,
    Violation,
    context_of,
    judge,
    load_exceptions,
    own_violations,
)
from tests.conftest import REPOSITORY, edit_yaml

PLANS = Path(__file__).parent / "plans"
PRODUCTION = Context(
    environment="production",
    cloud="aws",
    protected=True,
    regions=("eu-central-1",),
    account="333333333333",
    other_environments=("dev", "staging"),
)
LABELS = {
    "cost_center": "ml-platform",
    "environment": "production",
    "managed_by": "terraform",
    "team": "platform",
    "zenml_stack": "production",
}


def read(rule: str) -> dict[str, Any]:
    plan = json.loads((PLANS / f"{rule}.json").read_text(encoding="utf-8"))
    assert isinstance(plan, dict)
    return plan


def plan_of(type_: str, after: dict[str, Any], **unknown: Any) -> dict[str, Any]:
    change = {"actions": ["create"], "before": None, "after": after, "after_unknown": unknown}
    return {"resource_changes": [{"address": f"{type_}.it", "mode": "managed", "type": type_, "change": change}]}


def test_every_rule_has_a_plan_that_breaks_it() -> None:
    assert {file.stem for file in PLANS.glob("*.json")} == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_bites_on_every_resource_of_its_plan(rule: str) -> None:
    plan = read(rule)
    found = own_violations(plan, PRODUCTION)
    assert {violation.rule for violation in found} == {rule}
    assert {violation.address for violation in found} == {it["address"] for it in plan["resource_changes"]}


@pytest.mark.parametrize("rule", RULES)
def test_a_resource_that_the_plan_deletes_breaks_nothing(rule: str) -> None:
    plan = read(rule)
    for resource in plan["resource_changes"]:
        resource["change"].update(actions=["delete"], before=resource["change"]["after"], after=None)
    assert own_violations(plan, PRODUCTION) == []


@pytest.mark.parametrize(
    ("type_", "after"),
    [
        ("aws_sns_topic", {"tags_all": LABELS}),
        ("aws_s3_bucket", {"force_destroy": False}),
        ("aws_vpc_security_group_egress_rule", {"cidr_ipv4": "0.0.0.0/0"}),
        ("aws_vpc_security_group_ingress_rule", {"cidr_ipv4": "10.20.0.0/20"}),
        ("aws_subnet", {"availability_zone": "eu-central-1a", "map_public_ip_on_launch": False}),
        (
            "aws_iam_role",
            {
                "assume_role_policy": '{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":'
                '{"AWS":"arn:aws:iam::333333333333:role/oncology-production-cl"}}]}'
            },
        ),
        ("aws_iam_role_policy", {"policy": '{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'}),
        ("aws_kms_key", {"policy": '{"Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}'}),
    ],
)
def test_what_is_in_order_breaks_nothing(type_: str, after: dict[str, Any]) -> None:
    assert own_violations(plan_of(type_, after), PRODUCTION) == []


def test_labels_that_are_known_after_apply_are_not_missing() -> None:
    known = {key: value for key, value in LABELS.items() if key != "zenml_stack"}
    assert (
        own_violations(plan_of("aws_sns_topic", {"tags_all": known}, tags_all={"zenml_stack": True}), PRODUCTION) == []
    )
    assert own_violations(plan_of("aws_sns_topic", {}, tags_all=True), PRODUCTION) == []


def test_dev_may_empty_what_it_destroys() -> None:
    dev = Context("dev", "aws", False, ("eu-central-1",), "111111111111", ("staging", "production"))
    assert own_violations(read("force-destroy"), dev) == []


def test_only_a_protected_environment_refuses_strangers() -> None:
    dev = Context("dev", "aws", False, ("eu-central-1",), "111111111111", ("staging", "production"))
    assert own_violations(read("no-foreign-principal"), dev) == []


def test_the_allowed_regions_come_from_the_settings(settings_directory: Path) -> None:
    assert context_of(load_platform(settings_directory), "production", "aws").regions == ("eu-central-1",)
    allowed = ["eu-central-1", "us-east-1"]
    edit_yaml(settings_directory / "production.yaml", lambda raw: raw["aws"].update(allowed_regions=allowed))
    context = context_of(load_platform(settings_directory), "production", "aws")
    assert context.account == "333333333333"
    assert own_violations(read("regions-allowed"), context) == []


BROKEN = Violation("force-destroy", 'module.store["a"].aws_s3_bucket.this', "has force_destroy")
TODAY = datetime.date(2026, 6, 1)


def exception(**changed: Any) -> PolicyException:
    given = {
        "rule": BROKEN.rule,
        "address": 'module.store["*"].aws_s3_bucket.this',
        "reason": "It holds nothing that cannot be made again.",
        "expires": "2026-06-02",
    }
    return PolicyException.model_validate({**given, **changed})


def test_an_exception_in_force_excuses_what_it_names() -> None:
    verdict = judge([BROKEN], [exception()], "production", TODAY)
    assert verdict.passed
    assert verdict.excused == (BROKEN,)


def test_an_exception_excuses_nothing_from_its_expiry_on() -> None:
    ended = exception(expires="2026-06-01")
    verdict = judge([BROKEN], [ended], "production", TODAY)
    assert not verdict.passed
    assert verdict.violations == (BROKEN,)
    assert verdict.expired == (ended,)


@pytest.mark.parametrize(
    "changed",
    [{"rule": "no-public-access"}, {"address": 'module.store["b"].aws_s3_bucket.this'}, {"environments": ["dev"]}],
)
def test_an_exception_excuses_nothing_else(changed: dict[str, Any]) -> None:
    assert not judge([BROKEN], [exception(**changed)], "production", TODAY).passed


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- {rule: a, address: b, expires: 2030-01-01}", "0.reason: Field required"),
        ("- {rule: a, address: b, reason: because, expires: 2030-01-01}", "0.reason"),
        ("- {rule: a, address: b, reason: a good and sufficient reason}", "0.expires: Field required"),
        ("- {rule: a, address: b, reason: a good and sufficient reason, expires: 2030-01-01, until: x}", "0.until"),
        ("- [", "while parsing"),
    ],
)
def test_an_exception_without_a_reason_or_an_end_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "exceptions.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as refused:
        load_exceptions(file)
    assert complaint in str(refused.value)
    assert str(file) in str(refused.value)


def test_the_exceptions_of_the_project_name_rules_that_exist() -> None:
    for it in load_exceptions(REPOSITORY / "infra" / "policy" / "exceptions.yaml"):
        assert it.rule in RULES or it.rule.startswith("CKV")
