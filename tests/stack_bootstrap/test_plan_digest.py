"""A plan made later is held to the one that was reviewed, and neither digest nor summary gives anything away."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stack_bootstrap.infrastructure import UnreviewedPlanError, apply, plan
from stack_bootstrap.plan_digest import plan_digest
from stack_bootstrap.plans import PlanFileError
from stack_bootstrap.reviewed import expected_digest, read_plans, summarise
from tests.conftest import edit_yaml
from tests.stack_bootstrap.local_cloud import local_workspace, marked_folders

PLAN: dict[str, Any] = {
    "timestamp": "2026-01-01T00:00:00Z",
    "resource_changes": [
        {
            "address": "aws_s3_bucket.a",
            "type": "aws_s3_bucket",
            "provider_name": "aws",
            "change": {
                "actions": ["delete", "create"],
                "before": {"id": "old", "bucket": "a", "versions": 1},
                "after": {"bucket": "b", "password": "hunter2", "rules": [{"key": "k1"}]},
                "after_sensitive": {"password": True, "rules": [{"key": True}]},
                "after_unknown": {"id": True},
            },
        },
        {
            "address": "aws_s3_bucket.quiet",
            "type": "aws_s3_bucket",
            "provider_name": "aws",
            "change": {"actions": ["no-op"], "before": {"id": "q"}, "after": {"id": "q"}},
        },
    ],
    "output_changes": {"stacks": {"actions": ["update"], "before": 1, "after": 2, "after_sensitive": False}},
}


def changed(edit: Callable[[dict[str, Any], dict[str, Any]], object]) -> dict[str, Any]:
    other = copy.deepcopy(PLAN)
    edit(other, other["resource_changes"][0]["change"])
    return other


@pytest.mark.parametrize(
    "edit",
    [
        lambda whole, change: change.update(actions=["create"]),
        lambda whole, change: change["after"].update(bucket="c"),
        lambda whole, change: change["before"].update(id="another thing"),
        lambda whole, change: change["after_unknown"].update(arn=True),
        lambda whole, change: whole["resource_changes"][0].update(address="aws_s3_bucket.b"),
        lambda whole, change: whole["resource_changes"][1]["change"].update(actions=["update"]),
        lambda whole, change: whole["resource_changes"].pop(0),
        lambda whole, change: whole["output_changes"]["stacks"].update(after=3),
    ],
)
def test_a_plan_that_does_something_else_has_another_digest(edit: Callable[..., object]) -> None:
    assert plan_digest(changed(edit)) != plan_digest(PLAN)


@pytest.mark.parametrize(
    "edit",
    [
        lambda whole, change: whole.update(timestamp="2026-02-02T00:00:00Z"),
        lambda whole, change: change["before"].update(versions=2),
        lambda whole, change: whole["resource_changes"].reverse(),
        lambda whole, change: whole["resource_changes"].pop(1),
    ],
)
def test_a_plan_that_does_the_same_has_the_same_digest(edit: Callable[..., object]) -> None:
    assert plan_digest(changed(edit)) == plan_digest(PLAN)


def test_a_secret_cannot_be_guessed_from_the_digest() -> None:
    def other_secrets(_: dict[str, Any], change: dict[str, Any]) -> None:
        change["after"].update(password="hunter3", rules=[{"key": "k2"}])

    assert plan_digest(changed(other_secrets)) == plan_digest(PLAN)


def test_what_was_not_reviewed_is_not_applied(settings_directory: Path) -> None:
    where = local_workspace(settings_directory)
    reviewed = plan(where).digest
    assert plan(where).digest == reviewed, "planning twice says the same"
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw["labels"].update(cost_center="cc-risk"))
    changed_since = local_workspace(settings_directory)
    with pytest.raises(UnreviewedPlanError, match=f"reviewed one {reviewed[:16]}. Nothing was applied"):
        apply(changed_since, expect=reviewed)
    assert marked_folders(changed_since) == set()
    apply(changed_since, expect=plan(changed_since).digest)
    assert marked_folders(changed_since)
    apply(changed_since, expect=reviewed)  # changes nothing any more, so there is nothing to review


def printed(file: Path, **changes: object) -> Path:
    entry = {
        "environment": "dev",
        "cloud": "local",
        "simulated": False,
        "digest": "a" * 64,
        "add": ["x.y"],
        "notes": [],
    }
    file.write_text(json.dumps([{**entry, **changes}]), encoding="utf-8")
    return file


def test_the_expected_digest_is_given_or_read_from_the_reviewed_plan(settings_directory: Path, tmp_path: Path) -> None:
    where = local_workspace(settings_directory)
    assert expected_digest("b" * 64, where) == "b" * 64
    assert expected_digest(str(printed(tmp_path / "dev.json")), where) == "a" * 64


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"environment": "staging"}, "no plan of dev on local"),
        ({"cloud": "aws"}, "no plan of dev on local"),
        ({"simulated": True}, "was made offline"),
        ({"digest": "A" * 64}, "is not what `make plan JSON=1` prints"),
        ({"digest": "a" * 63}, "is not what `make plan JSON=1` prints"),
        ({"environment": "dev; rm -rf /"}, "is not what `make plan JSON=1` prints"),
        ({"add": "x"}, "is not what `make plan JSON=1` prints"),
    ],
)
def test_a_file_that_is_no_review_of_this_environment_is_refused(
    settings_directory: Path, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(PlanFileError, match=said):
        expected_digest(str(printed(tmp_path / "dev.json", **changes)), local_workspace(settings_directory))


def test_a_missing_or_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanFileError, match="cannot be read"):
        read_plans(tmp_path / "none.json")
    huge = tmp_path / "huge.json"
    huge.write_bytes(b" " * 4_000_001)
    with pytest.raises(PlanFileError, match="larger than"):
        read_plans(huge)


def test_the_summary_is_marked_and_lists_what_changes(tmp_path: Path) -> None:
    printed(tmp_path / "dev.json", add=[f"a[{number}]" for number in range(50)], delete=["b.c"])
    printed(tmp_path / "staging.json", environment="staging", add=[])
    printed(tmp_path / "stage2.json", environment="production", simulated=True)
    (tmp_path / "broken.json").write_text("error", encoding="utf-8")
    (tmp_path / "cost.txt").write_text("| team | 12.00 USD |", encoding="utf-8")
    text = summarise(tmp_path, "Infra plan")
    assert text.startswith("<!-- groundwork: infra-plan -->\n\n### Infra plan\n")
    assert "**dev** on local: 50 to add, 1 to delete. Digest `aaaaaaaaaaaaaaaa`." in text
    assert "a[39]" in text
    assert "a[40]" not in text
    assert "add      and 10 more" in text
    assert "**staging** on local: no changes." in text
    assert "**broken**: unknown" in text
    assert "**production** on local (simulation" in text
    assert "| team | 12.00 USD |" in text


def test_nothing_in_the_summary_is_markup_from_a_stranger(tmp_path: Path) -> None:
    printed(tmp_path / "a.json", add=["x\n```\n@everyone <img src=x>", "\x1b[31m"])
    (tmp_path / "@all [x](y).txt").write_text("```\n# hello @everyone\n", encoding="utf-8")
    fences, outside = 0, []
    for line in summarise(tmp_path, "Infra plan").splitlines():
        if line.startswith("```"):
            fences += 1
        elif fences % 2 == 0:
            outside.append(line)
    assert fences == 4
    assert not any(mark in line for line in outside for mark in ("@", "<img", "[x]", "\x1b"))


def test_a_long_summary_is_cut_and_its_fence_closed(tmp_path: Path) -> None:
    (tmp_path / "cost.txt").write_text("x" * 70_000, encoding="utf-8")
    text = summarise(tmp_path, "Infra plan")
    assert len(text) < 61_000
    assert text.count("```") == 2
    assert "Cut here" in text


def test_no_plans_means_no_environment_is_touched(tmp_path: Path) -> None:
    assert "No environment is touched." in summarise(tmp_path, "Infra plan")
    with pytest.raises(PlanFileError, match="no folder"):
        summarise(tmp_path / "none", "Infra plan")
