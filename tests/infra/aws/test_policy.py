"""The plan of the real root against the whole policy: ours and checkov's."""

from __future__ import annotations

import copy
import datetime
from typing import Any

import pytest

from environments import load_platform
from stack_bootstrap.policy import Verdict, check_plan, context_of, judge, load_exceptions, own_violations
from stack_bootstrap.policy.checkov import LOCK, TOOLS, checkov_violations
from stack_bootstrap.tool_environment import ToolEnvironmentError, tool_environment
from tests.infra.aws.conftest import SANDBOX, Applied

pytestmark = [pytest.mark.xdist_group("aws"), pytest.mark.slow]


@pytest.fixture(scope="module")
def checkov() -> None:
    """checkov, installed from its lock; skips where it is not there and no package index answers."""
    try:
        tool_environment("checkov", LOCK, TOOLS)
    except ToolEnvironmentError as error:
        pytest.skip(f"checkov is needed and cannot be installed: {error}")


@pytest.mark.parametrize("environment", ["dev", "production", SANDBOX])
def test_the_root_breaks_no_rule_of_ours(environment: str, applied: dict[str, Applied]) -> None:
    it = applied[environment]
    context = context_of(load_platform(it.ground.settings), environment, "aws")
    assert own_violations(it.plan, context) == []


def test_the_production_plan_passes_the_whole_policy(applied: dict[str, Applied], checkov: None) -> None:
    it = applied["production"]
    plan = copy.deepcopy(it.plan)
    for key in ("access_key", "secret_key", "token"):  # of the override that points the provider at the tests' server
        del plan["configuration"]["provider_config"]["aws"]["expressions"][key]
    verdict = check_plan(plan, context_of(load_platform(it.ground.settings), "production", "aws"))
    assert isinstance(verdict, Verdict)
    assert verdict.violations == ()
    assert verdict.excused


def test_checkov_bites(applied: dict[str, Applied], checkov: None) -> None:
    plan = copy.deepcopy(applied["production"].plan)
    for values in _values(plan, "aws_kms_key"):
        values["enable_key_rotation"] = False
    found = checkov_violations(plan)
    assert "CKV_AWS_7" in {violation.rule for violation in found}
    today = datetime.date(2026, 1, 1)
    assert not judge(found, load_exceptions(), "production", today).passed


def test_a_key_that_is_really_missing_is_reported(applied: dict[str, Applied], checkov: None) -> None:
    plan = copy.deepcopy(applied["production"].plan)
    for resource in plan["resource_changes"]:
        if resource["type"] == "aws_cloudwatch_log_group":
            resource["change"]["after_unknown"].pop("kms_key_id", None)
    for values in _values(plan, "aws_cloudwatch_log_group"):
        values.pop("kms_key_id", None)
    assert "CKV_AWS_158" in {violation.rule for violation in checkov_violations(plan)}


def _values(plan: dict[str, Any], type_: str) -> list[dict[str, Any]]:
    """Values of every resource of ``type_`` in both places where a plan has them."""
    found = [it["change"]["after"] for it in plan["resource_changes"] if it["type"] == type_]
    modules = [plan["planned_values"]["root_module"]]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", [])
        found += [it["values"] for it in module.get("resources", []) if it["type"] == type_]
    assert found
    return found
