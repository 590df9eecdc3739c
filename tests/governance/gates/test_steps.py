"""Every gate's step stops the run, and writes down what it decided before it does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from environments import load_platform
from governance.gates import champion, data_quality, drift, drift_report, fairness, performance
from governance.gates import record as recording
from governance.gates.context import GateContext
from governance.gates.exemptions import Exemption
from governance.gates.result import Check, GateFailedError, GateResult, now
from governance.gates.synthetic import SyntheticData
from pipelines.evaluation import evaluate
from pipelines.model import ModelTamperedError, TrainedModel, read_model, save_model
from tests.governance.gates.conftest import TERMS, gates

PRODUCTION = load_platform().environment("production")


@pytest.fixture
def folder(made: SyntheticData, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Writes a model into a folder, and says where it is as a step is told."""

    def _folder(name: str) -> dict[str, Any]:
        place = tmp_path / name
        return {"release": place, "digest": save_model(made.models[name], place)}

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


def test_data_steps_stop_the_run(made: SyntheticData, monkeypatch: pytest.MonkeyPatch) -> None:
    columns, limits = data_quality.Columns.of(made.config), PRODUCTION.data_quality
    more = {"limits": limits, "terms": TERMS}
    for step, gate in (
        (data_quality.validate_data_quality, data_quality.NAME),
        (data_quality.validate_held_out_data, data_quality.HELD_OUT),
    ):
        good = judged(data_quality, monkeypatch, step, data=made.training, columns=columns, **more)
        assert (good.gate, good.verdict) == (gate, "passed")
        with pytest.raises(GateFailedError, match=gate):
            judged(data_quality, monkeypatch, step, data=made.repeated(made.training), columns=columns, **more)
    step = data_quality.validate_input
    assert judged(data_quality, monkeypatch, step, profile=made.profile("good"), **more).passed
    with pytest.raises(GateFailedError, match="input quality"):
        judged(data_quality, monkeypatch, step, profile=made.profile("unseen"), **more)


def test_performance_steps_stop_the_run(
    made: SyntheticData, folder: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def inputs(model: TrainedModel) -> dict[str, Any]:
        return {
            "validation_data": made.held_out,
            "evaluation": evaluate(model, made.held_out),
            "thresholds": PRODUCTION.thresholds,
            "overlap": 0.01,
            "gates": gates(),
            "terms": TERMS,
        }

    trained, released = performance.validate_model_performance, performance.validate_release_performance
    for name, passes in (("good", True), ("shuffled", False)):
        model, release = made.models[name], folder(name)
        again = read_model(release["release"], release["digest"])
        for step, given in ((trained, {"model": model, **inputs(model)}), (released, {**release, **inputs(again)})):
            if passes:
                result = judged(performance, monkeypatch, step, **given)
                assert result.evidence["model"] == (model.digest if step is trained else release["digest"])
            else:
                with pytest.raises(GateFailedError, match="roc_auc"):
                    judged(performance, monkeypatch, step, **given)


def test_fairness_steps_stop_the_run(
    made: SyntheticData, folder: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"validation_data": made.held_out, "attributes": made.config.attributes, "gates": gates(), "terms": TERMS}
    trained, released = fairness.validate_fairness, fairness.validate_release_fairness
    assert judged(fairness, monkeypatch, trained, model=made.models["good"], **more).passed
    assert judged(fairness, monkeypatch, released, **folder("good"), **more).passed
    with pytest.raises(GateFailedError):
        judged(fairness, monkeypatch, trained, model=made.models["biased"], **more)
    with pytest.raises(GateFailedError):
        judged(fairness, monkeypatch, released, **folder("biased"), **more)


def test_the_drift_step_stops_the_run(
    made: SyntheticData, folder: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {**folder("good"), "gates": gates(), "terms": TERMS}
    assert judged(drift, monkeypatch, drift.validate_drift, validation_data=made.held_out, **more).passed
    moved = made.held_out.assign(dose=made.held_out["dose"] * 2)
    with pytest.raises(GateFailedError, match="drift"):
        judged(drift, monkeypatch, drift.validate_drift, validation_data=moved, **more)


def test_the_champion_steps_stop_the_run(
    made: SyntheticData, folder: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline = folder("good")
    old = champion.ChampionRelease(version="1", release_id="r", digest=baseline["digest"])
    more = {
        "champion_release": baseline["release"],
        "validation_data": made.held_out,
        "attributes": made.config.attributes,
        "gates": gates(),
        "terms": TERMS,
    }
    step = champion.validate_against_champion
    assert judged(champion, monkeypatch, step, **folder("retrained"), champion=old, version="2", **more).passed
    with pytest.raises(GateFailedError):
        judged(champion, monkeypatch, step, **folder("inferior"), champion=old, version="2", **more)
    with pytest.raises(GateFailedError, match="version 1 against version 1"):
        judged(champion, monkeypatch, step, **folder("retrained"), champion=old, version="1", **more)
    first = champion.validate_without_champion
    alone = judged(champion, monkeypatch, first, digest="d" * 64, validation_data=made.held_out, terms=TERMS)
    assert alone.passed
    altered = old.model_copy(update={"digest": "0" * 64})
    with pytest.raises(ModelTamperedError):
        step.entrypoint(**folder("retrained"), champion=altered, version="2", **more)


def test_a_picture_that_cannot_be_drawn_fails_nothing(
    made: SyntheticData, folder: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise OSError("no fonts")

    monkeypatch.setattr(drift_report, "render_drift", broken)
    result = drift.judge_drift(made.models["good"].reference, made.held_out, "d" * 64, gates(), TERMS)
    page = drift_report.draw_drift.entrypoint(**folder("good"), validation_data=made.held_out, result=result)
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
    return TERMS.result("drift", {"data": "a" * 64, "model": "b" * 64}, list(checks))


def check(name: str, value: float = 1, **more: Any) -> Check:
    return Check(name=name, value=value, bound="at least", threshold=1, **more)


def test_a_verdict_is_recorded_with_interval_policy_and_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook(monkeypatch)
    judged = recording.record(result(check("recall of a (b)", lower=0.5, upper=1.5, confidence=95)), TERMS)
    (event,) = notebook.events
    assert event["subject"] == "recall_of_a__b_"
    assert (event["verdict"], event["lower"], event["value"], event["upper"]) == ("cannot_conclude", 0.5, 1, 1.5)
    assert event["policy_version"] == TERMS.policy_version
    assert event["model_digest"] == "sha256:" + "b" * 64
    assert event["evidence"]["result"] == f"sha256:{judged.digest}"
    assert notebook.metadata["drift gate"]["digest"] == judged.digest
    assert "measures" not in notebook.metadata["drift gate"]


def test_of_many_checks_the_log_names_those_that_did_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook(monkeypatch)
    recording.record(result(*(check(f"c{i}") for i in range(25))), TERMS)
    assert len(notebook.events) == 25
    notebook.events.clear()
    recording.record(
        result(check("bad", 0), check("unsure", unproven="few"), *(check(f"c{i}") for i in range(40))), TERMS
    )
    assert [event["subject"] for event in notebook.events] == ["bad", "unsure", "other_checks"]
    assert (notebook.events[-1]["value"], notebook.events[-1]["verdict"]) == (40, "passed")


def test_statements_in_force_are_applied_and_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook(monkeypatch)
    statement = Exemption(gate="drift", expires=now() + timedelta(minutes=1), statement_digest="c" * 64)
    terms = TERMS.model_copy(update={"exemptions": (statement,)})
    judged = recording.record(result(check("unsure", unproven="few")), terms).require()
    assert judged.overridden_by == ("c" * 64,)
    assert notebook.metadata["drift gate"]["overridden_by"] == ["c" * 64]
    assert notebook.events[0]["verdict"] == "cannot_conclude"


def test_a_run_that_was_not_governed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Notebook(monkeypatch, governed=False)
    with pytest.raises(RuntimeError, match=r"not started through governance\.govern"):
        recording.record(result(check("x")), GateContext(model="m", environment="dev", policy_version="p"))
