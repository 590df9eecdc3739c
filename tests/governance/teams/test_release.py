"""`make release` waits for people as long as it is told to, and ends with a status of its own when they are due."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer

from governance.approvals.errors import PromotionRefusedError
from governance.cli import release as release_commands
from governance.core.stacks import StackMissingError
from governance.promotion import release as module
from governance.promotion.promote import ApprovalDueError
from tests.governance.teams.conftest import Checkout

PRODUCTION: Any = object()


def promotes(monkeypatch: pytest.MonkeyPatch, outcomes: list[Any]) -> list[bool]:
    """Let ``promote`` go through ``outcomes``; returns for each call whether it was dry."""
    calls: list[bool] = []

    def promote(_target: Any, *, requested_by: Any, dry_run: bool = False) -> Any:
        calls.append(dry_run)
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(module, "promote", promote)
    monkeypatch.setattr(module, "POLL", 0)
    return calls


def test_without_waiting_what_is_due_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = promotes(monkeypatch, [ApprovalDueError("by emmy")])
    with pytest.raises(ApprovalDueError, match="by emmy"):
        module._promote_when_approved(PRODUCTION, None, 0, print)
    assert calls == [False]


def test_while_it_waits_it_asks_without_a_trace_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    calls = promotes(monkeypatch, [ApprovalDueError("1"), ApprovalDueError("2"), "may", "done"])
    assert module._promote_when_approved(PRODUCTION, None, 60, told.append) == "done"
    assert calls == [False, True, True, False]
    assert told == ["waiting for an approval: 1"]


def test_a_refusal_while_it_waits_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    promotes(monkeypatch, [ApprovalDueError("1"), PromotionRefusedError("declined")])
    with pytest.raises(PromotionRefusedError, match="declined"):
        module._promote_when_approved(PRODUCTION, None, 60, lambda _: None)


def test_the_wait_for_an_approval_that_does_not_come_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    promotes(monkeypatch, [ApprovalDueError(str(number)) for number in range(100_000)])
    with pytest.raises(ApprovalDueError):
        module._promote_when_approved(PRODUCTION, None, 0.05, lambda _: None)


@pytest.mark.usefixtures("zenml_store", "zenml_as_loud_as_it_is")
def test_the_command_ends_with_three_when_an_approval_is_due(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, model = checkout.folder / "environments", "breast_cancer_classifier"
    with pytest.raises(StackMissingError):
        release_commands.release(model, settings=settings, dry_run=True, as_json=True)
    monkeypatch.setattr(module, "require_stack", lambda name: None)
    release_commands.release(model, settings=settings, dry_run=True, as_json=True)
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert steps == ["train in dev", "promote to staging", "validate in staging", "promote to production"]

    def due(*_: Any, **__: Any) -> None:
        raise ApprovalDueError("emmy may approve")

    monkeypatch.setattr(module, "release", due)
    with pytest.raises(typer.Exit) as ended:
        release_commands.release(model, settings=settings)
    assert ended.value.exit_code == release_commands.APPROVAL_DUE == 3
    assert "emmy may approve" in capsys.readouterr().err
    monkeypatch.setattr(module, "release", lambda *_, **__: module.Released("4", None))
    release_commands.release(model, settings=settings)
    assert "Version 4 of breast_cancer_classifier was already in production." in capsys.readouterr().out
    release_commands.release(model, settings=settings, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"model": model, "version": "4", "already": True}
