"""Every gate's step stops the run, and writes down what it decided before it does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from environments import load_platform
from governance.gates import (
    champion,
    data_quality,
    drift,
    drift_report,
    fairness,
    held_out_data,
    input_quality,
    performance,
)
from governance.gates import record as recording
from governance.gates.context import GateContext
from governance.gates.data_checks import Columns
from governance.gates.exemptions import Exemption
from governance.gates.result import Check, GateFailedError, GateResult, now
from governance.gates.synthetic import SyntheticData
from pipelines.evaluation import evaluate
from pipelines.model import ModelTamperedError, TrainedModel, read_model, save_model
from tests.governance.gates.conftest import CONTEXT, gates

PRODUCTION = load_platform().environment("production")


@pytest.fixture
def folder(synthetic: SyntheticData, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Writes a model into a folder, and says where it is as a step is told."""

    def _folder(name: str) -> dict[str, Any]:
        place = tmp_path / name
        return {"release": place, "digest": save_model(synthetic.models[name], place)}

    return _folder


def judged(module: ModuleType, patch: pytest.MonkeyPatch, step: Any, **inputs: Any) -> GateResult:
    """What ``step`` returns for ``inputs``, with the record kept here; it must have been recorded even if it raised."""
    written: list[GateResult] = []
    patch.setattr(module, "record", lambda result, _: written.append(result) or result)
    try:
        returned: GateResult = step.entrypoint(**inputs)
    finally:
        assert len(written) == 1, "recorded once"
    assert returned == written[0]
    return returned


def test_data_steps_stop_the_run(synthetic: SyntheticData, monkeypatch: pytest.MonkeyPatch) -> None:
    columns, more = Columns.of(synthetic.config), {"limits": PRODUCTION.data_quality, "context": CONTEXT}
    for module, step in (
        (data_quality, data_quality.validate_data_quality),
        (held_out_data, held_out_data.validate_held_out_data),
    ):
        good = judged(module, monkeypatch, step, data=synthetic.training, columns=columns, **more)
        assert (good.gate, good.verdict) == (module.GATE.name, "passed")
        with pytest.raises(GateFailedError, match=module.GATE.name):
            judged(module, monkeypatch, step, data=synthetic.repeated(synthetic.training), columns=columns, **more)
    step = input_quality.validate_input
    assert judged(input_quality, monkeypatch, step, profile=synthetic.profile("good"), **more).passed
    with pytest.raises(GateFailedError, match="input quality"):
        judged(input_quality, monkeypatch, step, profile=synthetic.profile("unseen"), **more)


def test_performance_steps_stop_the_run(
    synthetic: SyntheticData, folder: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def inputs(model: TrainedModel) -> dict[str, Any]:
        return {
            "validation_data": synthetic.held_out,
            "evaluation": evaluate(model, synthetic.held_out),
            "thresholds": PRODUCTION.thresholds,
            "overlap": 0.01,
            "gates": gates(),
            "context": CONTEXT,
        }

    trained, released = performance.validate_model_performance, performance.validate_release_performance
    for name, passes in (("good", True), ("shuffled", False)):
        model, release = synthetic.models[name], folder(name)
        again = read_model(release["release"], release["digest"])
        for step, given in ((trained, {"model": model, **inputs(model)}), (released, {**release, **inputs(again)})):
            if passes:
                result = judged(performance, monkeypatch, step, **given)
                assert result.evidence["model"] == (model.digest if step is trained else release["digest"])
            else:
                with pytest.raises(GateFailedError, match="roc_auc"):
                    judged(performance, monkeypatch, step, **given)


def test_fairness_steps_stop_the_run(
    synthetic: SyntheticData, folder: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {
        "validation_data": synthetic.held_out,
        "attributes": synthetic.config.attributes,
        "gates": gates(),
        "context": CONTEXT,
    }
    trained, released = fairness.validate_fairness, fairness.validate_release_fairness
    assert judged(fairness, monkeypatch, trained, model=synthetic.models["good"], **more).passed
    assert judged(fairness, monkeypatch, released, **folder("good"), **more).passed
    with pytest.raises(GateFailedError):
        judged(fairness, monkeypatch, trained, model=synthetic.models["biased"], **more)
    with pytest.raises(GateFailedError):
        judged(fairness, monkeypatch, released, **folder("biased"), **more)


def test_the_drift_step_stops_the_run(
    synthetic: SyntheticData, folder: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {**folder("good"), "gates": gates(), "context": CONTEXT}
    assert judged(drift, monkeypatch, drift.validate_drift, validation_data=synthetic.held_out, **more).passed
    moved = synthetic.held_out.assign(dose=synthetic.held_out["dose"] * 2)
    with pytest.raises(GateFailedError, match="drift"):
        judged(drift, monkeypatch, drift.validate_drift, validation_data=moved, **more)


def test_the_champion_steps_stop_the_run(
    synthetic: SyntheticData, folder: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline = folder("good")
    old = champion.ChampionRelease(version="1", release_id="r", digest=baseline["digest"])
    more = {
        "champion_release": baseline["release"],
        "validation_data": synthetic.held_out,
        "attributes": synthetic.config.attributes,
        "gates": gates(),
        "context": CONTEXT,
    }
    step = champion.validate_against_champion
    assert judged(champion, monkeypatch, step, **folder("retrained"), champion=old, version="2", **more).passed
    with pytest.raises(GateFailedError):
        judged(champion, monkeypatch, step, **folder("inferior"), champion=old, version="2", **more)
    with pytest.raises(GateFailedError, match="version 1 against version 1"):
        judged(champion, monkeypatch, step, **folder("retrained"), champion=old, version="1", **more)
    first = champion.validate_without_champion
    alone = judged(champion, monkeypatch, first, digest="d" * 64, validation_data=synthetic.held_out, context=CONTEXT)
    assert alone.passed
    altered = old.model_copy(update={"digest": "0" * 64})
    with pytest.raises(ModelTamperedError):
        step.entrypoint(**folder("retrained"), champion=altered, version="2", **more)


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
        run = SimpleNamespace(name="run-1", id="id-1")
        context = SimpleNamespace(event=lambda _kind, _run, **fields: fields)
        patch.setattr(recording, "get_step_context", lambda: SimpleNamespace(pipeline_run=run))
        patch.setattr(recording, "context_of", lambda _: context if governed else None)
        patch.setattr(recording, "log_metadata", lambda metadata, **_: self.metadata.update(metadata))
        patch.setattr(recording, "leave_once", lambda _, event: self.events.append(event))


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


def test_a_run_that_was_not_governed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Notebook(monkeypatch, governed=False)
    with pytest.raises(RuntimeError, match=r"not started through governance\.runs\.govern"):
        recording.record(result(check("x")), GateContext(model="m", environment="dev", policy_version="p"))
