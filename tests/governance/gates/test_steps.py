"""Every gate's step stops the run, and writes down what it decided before it does."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from zenml.steps import BaseStep

from environments import load_platform
from governance.core.clock import now
from governance.gates import (
    champion,
    data_quality,
    drift,
    drift_report,
    fairness,
    held_out_data,
    input_quality,
    performance,
    prediction_drift,
)
from governance.gates import record as recording
from governance.gates.catalogue import PIPELINE_GATES, gates_for
from governance.gates.context import GateContext
from governance.gates.data_checks import Columns
from governance.gates.exemptions import Exemption
from governance.gates.gate import PipelineGate
from governance.gates.result import Check, GateFailedError, GateResult
from governance.gates.synthetic import SyntheticData
from pipelines.evaluation import evaluate
from pipelines.model import ModelTamperedError, read_model, save_model
from tests.governance.gates.conftest import CONTEXT, gates, requirements

PRODUCTION = load_platform().environment("production")


@pytest.fixture
def folder(synthetic: SyntheticData, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Writes a model into a folder, and says where it is as a step is told."""

    def _folder(name: str) -> dict[str, Any]:
        place = tmp_path / name
        return {"release": place, "digest": save_model(synthetic.models[name], place)}

    return _folder


def given(synthetic: SyntheticData, step: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """``inputs``, and what else ``step`` takes, as an environment gives it."""
    usual = {
        "columns": Columns.of(synthetic.config),
        "limits": PRODUCTION.data_quality,
        "validation_data": synthetic.held_out,
        "thresholds": requirements(),
        "required": requirements(),
        "overlap": 0.01,
        "attributes": synthetic.config.attributes,
        "gates": gates(),
        "context": CONTEXT,
    }
    return {name: inputs.get(name, usual.get(name)) for name in inspect.signature(step.entrypoint).parameters}


def judged(module: ModuleType, patch: pytest.MonkeyPatch, step: Any, inputs: dict[str, Any]) -> GateResult:
    """What ``step`` returns for ``inputs``, with the record kept here; it must have been recorded even if it raised."""
    written: list[GateResult] = []
    patch.setattr(module, "record", lambda result, _: written.append(result) or result)
    try:
        returned: GateResult = step.entrypoint(**inputs)
    finally:
        assert len(written) == 1, "recorded once"
    assert returned == written[0]
    return returned


STEPS: dict[str, tuple[Any, str, str, str]] = {
    "validate_data_quality": (data_quality, "rows", "repeated rows", "'data quality'"),
    "validate_held_out_data": (held_out_data, "rows", "repeated rows", "'held-out data quality'"),
    "validate_input": (input_quality, "batch good", "batch unseen", "'input quality'"),
    "validate_prediction_drift": (prediction_drift, "scored good", "scored moved", "'prediction drift'"),
    "validate_model_performance": (performance, "good", "shuffled", "roc_auc"),
    "validate_release_performance": (performance, "release good", "release shuffled", "roc_auc"),
    "validate_fairness": (fairness, "good", "biased", "'fairness'"),
    "validate_release_fairness": (fairness, "release good", "release biased", "'fairness'"),
    "validate_drift": (drift, "release good", "moved good", "'drift'"),
    "validate_against_champion": (champion, "release retrained", "release inferior", "'champion and challenger'"),
}
"""By step: its module, what it must let pass, what it must stop, and a word of why."""


@pytest.mark.parametrize("name", STEPS)
def test_a_step_stops_the_run(
    synthetic: SyntheticData, folder: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    module, good, bad, words = STEPS[name]
    step, moved = getattr(module, name), synthetic.held_out.assign(dose=synthetic.held_out["dose"] * 2)
    baseline = folder("good")

    def inputs(what: str) -> dict[str, Any]:
        *kind, which = what.split()
        if which == "rows":
            return {"data": synthetic.repeated(synthetic.training) if kind else synthetic.training}
        if kind == ["batch"]:
            return {"profile": synthetic.profile(which)}
        if kind == ["scored"]:
            made = synthetic.predictions(which).model_copy(update={"model_digest": baseline["digest"]})
            return {**baseline, "predictions": made}
        release = folder(which)
        model = read_model(release["release"], release["digest"]) if kind else synthetic.models[which]
        old = champion.ChampionRelease(version="1", release_id="r", digest=baseline["digest"])
        against = {"champion_release": baseline["release"], "champion": old, "version": "2"}
        data = {"validation_data": moved} if kind == ["moved"] else {}
        evaluation = evaluate(model, synthetic.held_out)
        return {**release, **against, **data, "model": model, "evaluation": evaluation}

    fit = inputs(good)
    result = judged(module, monkeypatch, step, given(synthetic, step, fit))
    assert (result.gate, result.verdict) == (module.GATE.name, "passed")
    if "release" in good:
        assert result.evidence["model"] == fit["digest"]
    with pytest.raises(GateFailedError, match=words):
        judged(module, monkeypatch, step, given(synthetic, step, inputs(bad)))


def test_a_champion_is_another_version_unaltered_or_none(
    synthetic: SyntheticData, folder: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline, step = folder("good"), champion.validate_against_champion
    old = champion.ChampionRelease(version="1", release_id="r", digest=baseline["digest"])
    more = {**folder("retrained"), "champion_release": baseline["release"], "champion": old}
    with pytest.raises(GateFailedError, match="version 1 against version 1"):
        judged(champion, monkeypatch, step, given(synthetic, step, {**more, "version": "1"}))
    altered = {**more, "version": "2", "champion": old.model_copy(update={"digest": "0" * 64})}
    with pytest.raises(ModelTamperedError):
        step.entrypoint(**given(synthetic, step, altered))
    first = champion.validate_without_champion
    assert judged(champion, monkeypatch, first, given(synthetic, first, {"digest": "d" * 64})).passed


def test_a_picture_that_cannot_be_drawn_fails_nothing(
    synthetic: SyntheticData, folder: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise OSError("no fonts")

    monkeypatch.setattr(drift_report, "render_drift", broken)
    result = drift.judge_drift(synthetic.models["good"].reference, synthetic.held_out, "d" * 64, gates(), CONTEXT)
    page = drift_report.draw_drift.entrypoint(**folder("good"), validation_data=synthetic.held_out, result=result)
    assert "psi of dose" in page
    assert "Evidently could not draw this: OSError" in page


class Notebook:
    """What :func:`governance.gates.record.record` wrote, in place of a run."""

    def __init__(self, patch: pytest.MonkeyPatch, governed: bool = True) -> None:
        self.metadata: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        run = SimpleNamespace(name="run-1", id="id-1", model_version=SimpleNamespace(number=3))
        context = SimpleNamespace(event=lambda _kind, _run, **fields: fields)
        patch.setattr(recording, "get_step_context", lambda: SimpleNamespace(pipeline_run=run))
        patch.setattr(recording, "context_of", lambda _: context if governed else None)
        patch.setattr(recording, "log_metadata", lambda metadata, **_: self.metadata.update(metadata))
        patch.setattr(recording.run_outbox, "enqueue", self.events.append)


def result(*checks: Check) -> GateResult:
    return CONTEXT.result("drift", {"data": "a" * 64, "model": "b" * 64}, list(checks))


def check(name: str, value: float = 1, **more: Any) -> Check:
    return Check(name=name, value=value, bound="at least", threshold=1, **more)


def test_a_verdict_is_recorded_with_interval_policy_and_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook(monkeypatch)
    judged = recording.record(result(check("recall of a (b)", lower=0.5, upper=1.5, confidence=95)), CONTEXT)
    (event,) = notebook.events
    assert event["subject"] == "recall_of_a__b_"
    assert (event["verdict"], event["lower"], event["value"], event["upper"]) == ("cannot_conclude", 0.5, 1, 1.5)
    assert event["policy_version"] == CONTEXT.policy_version
    assert event["model_digest"] == "sha256:" + "b" * 64
    assert event["evidence"]["result"] == f"sha256:{judged.digest}"
    assert notebook.metadata["drift gate"]["digest"] == judged.digest
    assert "measures" not in notebook.metadata["drift gate"]


def test_of_many_checks_the_log_names_those_that_did_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook(monkeypatch)
    recording.record(result(*(check(f"c{i}") for i in range(25))), CONTEXT)
    assert len(notebook.events) == 25
    notebook.events.clear()
    recording.record(
        result(check("bad", 0), check("unsure", unproven="few"), *(check(f"c{i}") for i in range(40))), CONTEXT
    )
    assert [event["subject"] for event in notebook.events] == ["bad", "unsure", "other_checks"]
    assert (notebook.events[-1]["value"], notebook.events[-1]["verdict"]) == (40, "passed")


def test_statements_in_force_are_applied_and_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook(monkeypatch)
    statement = Exemption(gate="drift", expires=now() + timedelta(minutes=1), statement_digest="c" * 64)
    context = CONTEXT.model_copy(update={"exemptions": (statement,)})
    judged = recording.record(result(check("unsure", unproven="few")), context).require()
    assert judged.overridden_by == ("c" * 64,)
    assert notebook.metadata["drift gate"]["overridden_by"] == ["c" * 64]
    assert notebook.events[0]["verdict"] == "cannot_conclude"


@pytest.mark.parametrize(("version", "holds"), [("3", True), ("2", False)])
def test_a_statement_for_a_version_holds_in_its_runs_only(
    monkeypatch: pytest.MonkeyPatch, version: str, holds: bool
) -> None:
    Notebook(monkeypatch)
    statement = Exemption(
        gate="drift", model_version=version, expires=now() + timedelta(minutes=1), statement_digest="c" * 64
    )
    context = CONTEXT.model_copy(update={"exemptions": (statement,)})
    assert recording.record(result(check("unsure", unproven="few")), context).settled == holds


def test_a_run_that_was_not_governed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Notebook(monkeypatch, governed=False)
    with pytest.raises(RuntimeError, match=r"not started through governance\.runs\.govern"):
        recording.record(result(check("x")), GateContext(model="m", environment="dev", policy_version="p"))


def test_an_environment_of_a_clones_own_asks_for_every_gate_but_the_champions() -> None:
    assert gates_for("trains", "sandbox") == gates_for("trains", "dev") != ()
    assert gates_for("scores", "sandbox") == gates_for("scores", "production") != ()
    assert champion.GATE not in gates_for("judges a release", "sandbox")
    assert champion.GATE in gates_for("judges a release", "staging")


@pytest.mark.parametrize("gate", PIPELINE_GATES, ids=lambda gate: gate.name.replace(" ", "_"))
def test_no_gate_is_answered_from_a_cache(gate: PipelineGate) -> None:
    """ZenML takes a step's word over its pipeline's, and what it remembers says nothing about this run."""
    steps = [found for found in vars(import_module(gate.attach.__module__)).values() if isinstance(found, BaseStep)]
    assert steps
    assert [found.name for found in steps if found.configuration.enable_cache is not False] == []
