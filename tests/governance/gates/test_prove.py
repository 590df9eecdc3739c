"""``gates-prove`` proves what it says: with a gate disarmed it fails, and names the control that got through."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from environments import load_platform
from governance.cli.app import app
from governance.cli.gate_matrix import print_matrix
from governance.gates import champion, data_checks, data_quality, drift, fairness, performance, prediction_drift
from governance.gates.catalogue import OVERRIDABLE, PIPELINE_GATES
from governance.gates.exemptions import Exemption
from governance.gates.prove import Outcome, controls, run
from governance.gates.result import Check
from governance.gates.synthetic import SyntheticData


def outcomes(synthetic: SyntheticData, gate: str | None = None) -> list[Outcome]:
    environment = load_platform().environment("production")
    found = controls(environment, synthetic)
    return [run(name, control, "production") for name, control in found if gate in (None, name)]


def test_every_gate_stops_its_controls_and_lets_the_good_pass(synthetic: SyntheticData) -> None:
    found = outcomes(synthetic)
    assert [outcome for outcome in found if not outcome.proven] == []
    for gate in {outcome.gate for outcome in found}:
        assert {outcome.must_pass for outcome in found if outcome.gate == gate} == {True, False}, gate


def test_what_goes_on_without_a_verdict_is_no_agreement(synthetic: SyntheticData) -> None:
    found = outcomes(synthetic, prediction_drift.GATE.name)
    assert [outcome.control for outcome in found if outcome.passed and not outcome.concluded] == [
        "too few rows to judge, moved or not", "a version that keeps no scores"
    ]  # fmt: skip
    page = io.StringIO()
    print_matrix(found, ["production"], Console(file=page, width=200))
    assert page.getvalue().count("not judged") == 2


def _lenient(judge: Callable[..., list[Check]]) -> Callable[..., list[Check]]:
    """``judge`` with every check made to pass."""

    def judged(*args: Any, **kwargs: Any) -> list[Check]:
        return [Check(name=c.name, value=1, bound="at least", threshold=0) for c in judge(*args, **kwargs)]

    return judged


@pytest.mark.parametrize("module", [performance, fairness, drift, champion, prediction_drift])
def test_a_disarmed_gate_is_found_out(synthetic: SyntheticData, monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    monkeypatch.setattr(module, "judge_measures", _lenient(module.judge_measures))
    wrong = [outcome for outcome in outcomes(synthetic, module.GATE.name) if not outcome.proven]
    assert wrong
    assert all(outcome.passed and not outcome.must_pass for outcome in wrong)
    page = io.StringIO()
    print_matrix(wrong, ["production"], Console(file=page, width=200))
    assert "passed: WRONG" in page.getvalue()
    assert f"{module.GATE.name} (binary) in production let pass: {wrong[0].control}" in page.getvalue()


def test_a_disarmed_schema_is_found_out(synthetic: SyntheticData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        data_checks, "_form", lambda *_: Check(name=data_checks.SCHEMA, value=0, bound="at most", threshold=0)
    )
    wrong = {outcome.control for outcome in outcomes(synthetic, data_quality.GATE.name) if not outcome.proven}
    assert wrong == {"a value out of range", "a column missing"}


def test_gates_differ_and_promotion_can_judge_each_again() -> None:
    artifacts = [gate.result for gate in PIPELINE_GATES]
    assert len(set(artifacts)) == len(artifacts)
    assert OVERRIDABLE == (
        "data quality", "held-out data quality", "input quality", "model performance", "fairness", "drift",
        "champion and challenger", "budget",
    )  # fmt: skip
    with pytest.raises(ValueError, match="The gate 'drift' judges what is promoted, so it needs judge_again"):
        replace(drift.GATE, judge_again=None)


def test_overrides_without_end_are_found_out(synthetic: SyntheticData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Exemption, "covers", lambda *_, **__: True)
    wrong = {outcome.control for outcome in outcomes(synthetic, "override") if not outcome.proven}
    assert wrong == {"cannot conclude, with an override that expired"}


def test_a_control_that_is_stopped_for_another_reason_proves_nothing(synthetic: SyntheticData) -> None:
    found = controls(load_platform().environment("dev"), synthetic)
    gate, control = next((gate, control) for gate, control in found if control.because)
    assert run(gate, control, "dev").proven
    assert not run(gate, replace(control, because="something else"), "dev").proven


def test_the_command_ends_with_1_when_a_control_got_through(
    settings_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = CliRunner()
    arguments = ["gates-prove", "--json", "--env", "dev", "--settings", str(settings_directory)]
    # Those of one gate: every other is proven above, and its bootstrap takes seconds.
    monkeypatch.setattr(
        "governance.gates.prove.controls",
        lambda *given: [found for found in controls(*given) if found[0] in (drift.GATE.name, "override")],
    )
    well = command.invoke(app, arguments)
    assert well.exit_code == 0, well.output
    assert json.loads(well.output)["proven"] is True
    with monkeypatch.context() as patch:
        patch.setattr("governance.gates.prove.controls", lambda *_: [])
        nothing = command.invoke(app, arguments)
        assert (nothing.exit_code, json.loads(nothing.output)["proven"]) == (0, None)
        assert "Nothing was proven" in command.invoke(app, [given for given in arguments if given != "--json"]).output
    monkeypatch.setattr(drift, "judge_measures", _lenient(drift.judge_measures))
    ill = command.invoke(app, arguments)
    assert ill.exit_code == 1
    told = json.loads(ill.output)
    assert told["proven"] is False
    assert {row["gate"] for row in told["controls"] if not row["proven"]} == {drift.GATE.name, "override"}
