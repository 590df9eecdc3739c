"""``make policy``: its verdict is its exit status."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stack_bootstrap.__main__ import app
from stack_bootstrap.policy import PolicyException, Verdict, Violation

BROKEN = Violation("force-destroy", "aws_s3_bucket.it", "has force_destroy")
ENDED = PolicyException(
    rule="force-destroy", address="*", reason="It was meant to go by then.", expires=datetime.date(2026, 1, 1)
)


def run(settings: Path, verdict: Verdict, monkeypatch: pytest.MonkeyPatch, *given: str) -> tuple[int, str, str]:
    """Exit status and output where the checks come to ``verdict``; the plan is the local cloud's own."""
    monkeypatch.setattr("stack_bootstrap.policy.commands.check_plan", lambda plan, context, inside: verdict)
    arguments = ["policy", "--env", "dev", "--cloud", "local", "--settings", str(settings), *given]
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, done.stdout, done.stderr


def test_a_broken_rule_is_told_and_fails(settings_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, told, errors = run(settings_directory, Verdict((BROKEN,), (), (ENDED,)), monkeypatch)
    assert status == 1
    assert "dev: force-destroy: aws_s3_bucket.it: has force_destroy." in errors
    assert "the exception from force-destroy for * ran out on 2026-01-01" in errors
    assert "dev: 1 broken rules, 0 excused" in told


def test_a_plan_in_order_passes(settings_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, told, _ = run(settings_directory, Verdict((), (BROKEN,), ()), monkeypatch)
    assert status == 0
    assert "dev: 0 broken rules, 1 excused by infra/policy/exceptions.yaml. No resources were checked." in told


def test_a_machine_reads_the_verdict(settings_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, told, _ = run(settings_directory, Verdict((BROKEN,), (), (ENDED,)), monkeypatch, "--json")
    assert status == 1
    verdict = json.loads(told)["dev"]
    assert verdict["passed"] is False
    assert verdict["violations"] == [
        {"rule": "force-destroy", "address": "aws_s3_bucket.it", "message": "has force_destroy"}
    ]
    assert verdict["expired"][0]["expires"] == "2026-01-01"
