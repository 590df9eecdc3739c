"""``gates-prove`` proves what it says: with a gate disarmed it fails, and names the control that got through."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from environments import load_platform
from governance.cli.app import app
from governance.cli.gate_matrix import print_matrix
from governance.gates import champion, data_quality, drift, fairness, performance
from governance.gates.exemptions import Exemption
from governance.gates.prove import Outcome, controls
from governance.gates.result import Check
from governance.gates.synthetic import SyntheticData


def outcomes(made: SyntheticData, gate: str | None = None) -> list[Outcome]:
    environment = load_platform().environment("production")
    return [one.run("production") for one in controls(environment, made) if gate in (None, one.gate)]


def test_every_gate_stops_its_controls_and_lets_the_good_pass(made: SyntheticData) -> None:
    found = outcomes(made)
    assert [outcome for outcome in found if not outcome.proven] == []
    for gate in {outcome.gate for outcome in found}:
        assert {outcome.must_pass for outcome in found if outcome.gate == gate} == {True, False}, gate


def _lenient(judge: Callable[..., list[Check]]) -> Callable[..., list[Check]]:
    """``judge`` with every check made to pass."""

    def judged(*args: Any, **kwargs: Any) -> list[Check]:
        return [Check(name=c.name, value=1, bound="at least", threshold=0) for c in judge(*args, **kwargs)]

    return judged


@pytest.mark.parametrize("module", [performance, fairness, drift, champion])
def test_a_disarmed_gate_is_found_out(made: SyntheticData, monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    monkeypatch.setattr(module, "judge_measures", _lenient(module.judge_measures))
    wrong = [outcome for outcome in outcomes(made, module.NAME) if not outcome.proven]
    assert wrong
    assert all(outcome.passed and not outcome.must_pass for outcome in wrong)
    page = io.StringIO()
    print_matrix(wrong, ["production"], Console(file=page, width=200))
    assert "passed: WRONG" in page.getvalue()
    assert f"{module.NAME} in production let pass: {wrong[0].control}" in page.getvalue()


def test_a_disarmed_schema_is_found_out(made: SyntheticData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        data_quality, "_form", lambda *_: Check(name=data_quality.SCHEMA, value=0, bound="at most", threshold=0)
    )
    wrong = {outcome.control for outcome in outcomes(made, data_quality.NAME) if not outcome.proven}
    assert wrong == {"a value out of range", "a column missing"}


def test_overrides_without_end_are_found_out(made: SyntheticData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Exemption, "covers", lambda *_, **__: True)
    wrong = {outcome.control for outcome in outcomes(made, "override") if not outcome.proven}
    assert wrong == {"cannot conclude, with an override that expired"}


def test_a_control_that_is_stopped_for_another_reason_proves_nothing(made: SyntheticData) -> None:
    control = next(one for one in controls(load_platform().environment("dev"), made) if one.because)
    other = type(control)(control.gate, control.name, ("something else",), control.judge)
    assert control.run("dev").proven
    assert not other.run("dev").proven


def test_the_command_ends_with_1_when_a_control_got_through(
    settings_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = CliRunner()
    arguments = ["gates-prove", "--json", "--env", "dev", "--settings", str(settings_directory)]
    well = run.invoke(app, arguments)
    assert well.exit_code == 0, well.output
    assert json.loads(well.output)["proven"] is True
    monkeypatch.setattr(drift, "judge_measures", _lenient(drift.judge_measures))
    ill = run.invoke(app, arguments)
    assert ill.exit_code == 1
    told = json.loads(ill.output)
    assert told["proven"] is False
    assert {row["gate"] for row in told["controls"] if not row["proven"]} == {drift.NAME, "override"}
