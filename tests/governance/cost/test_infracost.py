"""Where Infracost and its key are there, its estimate is used: what it does not know stays unknown."""

from __future__ import annotations

import json
import stat
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from environments import load_platform
from governance.cost.estimate import Estimate
from governance.cost.infracost import InfracostError, estimate_with_infracost, find_infracost, read_infracost
from tests.governance.cost.test_plan import TEAMS, change

PLAN: dict[str, Any] = {
    "resource_changes": [
        change('module.r["oncology"].aws_ecr_repository.this', {}, {}),
        change("module.k.aws_kms_key.this", None, {}),
        change("module.v.aws_vpc.this", None, {}),
        change("module.f.aws_flow_log.this", None, {}),
        change("module.s.aws_s3_bucket.this", None, {}),
    ]
}


def component(name: str, monthly: str | None) -> dict[str, Any]:
    return {
        "name": name,
        "unit": "months",
        "hourlyQuantity": None,
        "monthlyQuantity": "1" if monthly else None,
        "price": "1",
        "hourlyCost": None,
        "monthlyCost": monthly,
    }


def resource(name: str, *components: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "metadata": {}, "hourlyCost": None, "monthlyCost": None, "costComponents": components, **more}


# As `infracost breakdown --format json` puts it out, version 0.2 of the format.
ANSWER: dict[str, Any] = {
    "version": "0.2",
    "currency": "USD",
    "projects": [
        {
            "name": "plan.json",
            "metadata": {"path": "plan.json", "type": "terraform_plan_json"},
            "pastBreakdown": {
                "resources": [resource('module.r["oncology"].aws_ecr_repository.this', component("Storage", "2.50"))],
                "totalHourlyCost": "0",
                "totalMonthlyCost": "2.5",
            },
            "breakdown": {
                "resources": [
                    resource('module.r["oncology"].aws_ecr_repository.this', component("Storage", "4.00")),
                    resource("module.k.aws_kms_key.this", component("Customer master key", "1")),
                    resource(
                        "module.s.aws_s3_bucket.this",
                        subresources=[
                            resource("Standard", component("Storage", "0.50"), component("PUT requests", None))
                        ],
                    ),
                ],
                "freeResources": [{"name": "module.v.aws_vpc.this", "metadata": {}}],
                "totalHourlyCost": "0.007",
                "totalMonthlyCost": "5.5",
            },
        }
    ],
    "totalMonthlyCost": "5.5",
    "summary": {"totalDetectedResources": 5, "totalUnsupportedResources": 1},
}


def read(answer: dict[str, Any], settings: Path) -> Estimate:
    return read_infracost(answer, PLAN, load_platform(settings).environment("dev"), "aws", TEAMS)


def test_infracosts_answer_is_read_by_team_with_what_is_there_now(settings_directory: Path) -> None:
    made = read(ANSWER, settings_directory)
    assert made.source == "infracost"
    assert (made.now, made.planned) == (Decimal("2.50"), Decimal("5.50"))
    assert {team.team: team.planned for team in made.teams} == {"platform": Decimal("1.50"), "oncology": Decimal(4)}
    states = {line.kind: line.state for line in made.lines}
    assert states == {
        "aws_ecr_repository": "priced",
        "aws_kms_key": "priced",
        "aws_vpc": "free",
        "aws_flow_log": "unknown",
        "aws_s3_bucket": "partly",
    }
    partly = next(line for line in made.lines if line.state == "partly")
    assert partly.reason == "depends on usage: PUT requests"


@pytest.mark.parametrize("broken", [{}, {"currency": "USD"}, {"currency": "USD", "projects": [{"breakdown": "none"}]}])
def test_an_answer_in_another_format_is_refused(broken: dict[str, Any], settings_directory: Path) -> None:
    with pytest.raises(InfracostError, match="format"):
        read(broken, settings_directory)


def program(folder: Path, body: str) -> Path:
    file = folder / "infracost"
    file.write_text(f"#!{sys.executable}\nimport json, pathlib, sys\n{body}", encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def test_infracost_is_used_only_with_its_key(tmp_path: Path) -> None:
    found = program(tmp_path, "")
    assert find_infracost({"PATH": str(tmp_path)}) is None
    assert find_infracost({"PATH": str(tmp_path), "INFRACOST_API_KEY": "x"}) == str(found)
    assert find_infracost({"PATH": "/nowhere", "INFRACOST_API_KEY": "x"}) is None


def test_the_program_gets_the_plan_and_no_key_on_its_command_line(settings_directory: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen.json"
    body = (
        "arguments = sys.argv[1:]\n"
        "plan = json.loads(pathlib.Path(arguments[arguments.index('--path') + 1]).read_text())\n"
        f"pathlib.Path({str(seen)!r}).write_text(json.dumps([arguments, plan]))\n"
        f"print({json.dumps(ANSWER)!r})\n"
    )
    environment = load_platform(settings_directory).environment("dev")
    made = estimate_with_infracost(str(program(tmp_path, body)), PLAN, environment, "aws", TEAMS)
    assert made.planned == Decimal("5.50")
    arguments, plan = json.loads(seen.read_text(encoding="utf-8"))
    assert arguments[0] == "breakdown"
    assert plan == PLAN
    assert not Path(arguments[arguments.index("--path") + 1]).exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [("sys.exit('no such key')", "no such key"), ("print('hello')", "JSON")],
)
def test_a_program_that_fails_is_an_error_that_names_it(
    body: str, said: str, settings_directory: Path, tmp_path: Path
) -> None:
    environment = load_platform(settings_directory).environment("dev")
    with pytest.raises(InfracostError, match=said):
        estimate_with_infracost(str(program(tmp_path, body)), PLAN, environment, "aws", TEAMS)
