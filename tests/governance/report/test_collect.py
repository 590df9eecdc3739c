"""A report of real runs says what ZenML and the environment's records say, also when that is bad news."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from governance.core.target import Target
from governance.records.journal import Journal
from governance.report.data import ReportData
from tests.conftest import edit_yaml
from tests.governance.conftest import DIABETES, Ground
from tests.governance.report.test_render import Reading

pytestmark = pytest.mark.xdist_group("report of real runs")

REQUESTER, APPROVER = "katherine@example.com", "donald@example.com"


def set_aside_fairness(ground: Ground, target: Target) -> None:
    """It cannot conclude on the few rows of the public data set."""
    from governance.approvals.overrides import override, valid_overrides
    from governance.gates.fairness import GATE as FAIRNESS

    if not valid_overrides(target, Journal(target)):
        override(target, ground.signatory(APPROVER), gate=FAIRNESS.name, reason="the public data set is small")


def bring_to_production(ground: Ground) -> None:
    from governance.approvals.approve import approve
    from governance.promotion.promote import promote
    from governance.runs import jobs

    dev, staging, production = (ground.target(name, DIABETES) for name in ("dev", "staging", "production"))
    requester, approver = ground.signatory(REQUESTER), ground.signatory(APPROVER)
    jobs.train(dev)
    promote(staging, requested_by=requester)
    jobs.validate(staging)
    set_aside_fairness(ground, production)
    approve(production, approver)
    promote(production, requested_by=requester)


@pytest.fixture(scope="module")
def production(ground: Ground) -> Target:
    """Version 2 in production after version 1, with a batch scored."""
    from governance.runs import jobs

    bring_to_production(ground)
    bring_to_production(ground)
    target = ground.target("production", DIABETES)
    jobs.infer(target)
    return target


@pytest.fixture(scope="module")
def data(production: Target) -> ReportData:
    from governance.report.collect import collect

    return collect(production)


def test_metrics_and_plots_are_those_of_the_validation_before_promotion(data: ReportData) -> None:
    from zenml.client import Client

    from governance.runs.evidence import evaluation_of

    assert data.evaluation is not None
    run = Client().get_pipeline_run(data.evaluation.run)
    stored = evaluation_of(run)
    assert stored is not None
    assert run.name.startswith("validation_pipeline-staging")
    assert {metric.name: metric.value for metric in data.metrics} == stored.metrics
    confusion = data.evaluation.confusion
    assert confusion is not None
    assert confusion.positives == data.evaluation.labels["risk"] == stored.labels["risk"]
    assert confusion.positives + confusion.negatives == data.evaluation.rows
    assert confusion.recall == pytest.approx(stored.metrics["recall"])
    assert sum(one.rows for one in data.evaluation.calibration) == data.evaluation.rows
    assert data.evaluation.roc[0] == (0, 0)
    assert data.evaluation.roc[-1] == (1, 1)


def test_thresholds_are_those_of_each_environment(data: ReportData, production: Target) -> None:
    for metric in data.metrics:
        for name in ("dev", "staging", "production"):
            asked = production.platform.environment(name).thresholds_for(DIABETES).required()
            assert metric.thresholds[name] == asked.get(metric.name)
    assert {check.name for check in data.checks_here} == set(production.thresholds.required())
    assert {metric.name for metric in data.metrics if metric.bound == "at most"} == {"brier_score"}


def test_the_model_is_the_same_files_from_training_to_predictions(data: ReportData) -> None:
    from zenml.client import Client

    assert [(lane.environment, lane.purpose) for lane in data.lineage] == [
        ("dev", "training"),
        ("staging", "validation"),
        ("production", "batch inference"),
    ]
    training, validation, inference = data.lineage
    digests = [
        node.digest for node in (training.node("model"), validation.node("release"), inference.node("release")) if node
    ]
    assert digests == [data.subject.digest] * 3
    for lane in data.lineage:
        for node in lane.nodes:
            if node.artifact_id is not None:
                assert Client().get_artifact_version(node.artifact_id).id
    assert {node.kind for node in training.nodes} == {
        "source",
        "training_data",
        "validation_data",
        "features",
        "model",
        "evaluation",
    }
    held_out, judged_on = training.node("validation_data"), validation.node("validation_data")
    assert held_out is not None
    assert judged_on is not None
    assert held_out.digest == judged_on.digest == data.evaluation.data_digest if data.evaluation else False


def test_every_run_is_traced_to_its_commit_and_its_place_in_mlflow(data: ReportData) -> None:
    assert [run.status for run in data.runs] == ["completed"] * 3
    for run in data.runs:
        assert run.tracked is not None
        assert run.tracked[0] == "MLflow"
        assert len(run.lock_digest) == 64
        assert run.started_by
        assert run.duration is not None
        assert 0 < run.duration.total_seconds() < 600
        assert run.started.utcoffset() is not None
    assert {outcome.result.gate for outcome in data.gates} == {
        "data quality",
        "held-out data quality",
        "input quality",
        "prediction drift",
        "model performance",
        "fairness",
        "drift",
        "champion and challenger",
    }
    assert all(outcome.result.passed for outcome in data.gates)


def test_the_history_holds_who_asked_and_who_agreed(data: ReportData) -> None:
    completed = [
        (entry.environment, entry.version, entry.actor, entry.approvers)
        for entry in data.history
        if entry.kind == "promotion completed"
    ]
    assert sorted(completed) == [
        ("production", "1", REQUESTER, (APPROVER,)),
        ("production", "2", REQUESTER, (APPROVER,)),
        ("staging", "1", REQUESTER, ()),
        ("staging", "2", REQUESTER, ()),
    ]
    assert data.promotion is not None
    assert data.in_use_since == data.promotion.time


def test_predictions_and_the_version_before_are_there(data: ReportData) -> None:
    made = data.predictions
    assert made is not None
    assert sum(one.rows for one in made.histogram) == made.rows == 442
    assert Path(made.uri).is_file()
    assert list(made.quantiles.values()) == sorted(made.quantiles.values())
    assert data.previous is not None
    assert data.previous.version == "1"
    assert data.evaluation is not None
    assert data.previous.data_digest == data.evaluation.data_digest
    # The same data and seed make the same model.
    assert data.previous.metrics == {metric.name: metric.value for metric in data.metrics}


def test_a_report_of_dev_is_of_what_was_trained_there(ground: Ground, production: Target) -> None:
    from governance.report.collect import collect

    data = collect(ground.target("dev", DIABETES))
    assert data.subject.version == "2"
    assert [run.purpose for run in data.runs] == ["training"]
    assert data.environments == ("dev", "staging", "production")
    assert data.previous is None
    assert data.predictions is None
    assert not data.history


def test_writing_adds_the_page_and_the_index_and_leaves_nothing_else(
    production: Target, data: ReportData, tmp_path: Path
) -> None:
    from governance.report.write import write_report

    folder = tmp_path / "deep" / "reports"
    page = write_report(production, folder)
    assert write_report(production, folder) == page
    assert {file.name for file in folder.iterdir()} == {
        "index.html",
        f"{DIABETES}-production-2.html",
        f"{DIABETES}-production-2.json",
    }
    assert json.loads((folder / f"{DIABETES}-production-2.json").read_text(encoding="utf-8"))["version"] == "2"
    assert f"{DIABETES}-production-2.html" in (folder / "index.html").read_text(encoding="utf-8")
    assert page.stat().st_mode & 0o444 == 0o444
    text = Reading(page.read_text(encoding="utf-8")).text
    assert data.subject.digest in text
    assert "Meets all 4 production thresholds." in text


def test_no_row_of_data_is_in_the_page(production: Target, tmp_path: Path) -> None:
    from governance.report.write import write_report
    from pipelines.config import read_config
    from pipelines.data import load_training_sets

    text = Reading(write_report(production, tmp_path).read_text(encoding="utf-8")).text
    rows = load_training_sets(read_config(DIABETES)).validation
    # s5 is a logarithm with four decimals: telling, and unlike any figure of the report.
    assert not [value for value in rows["s5"].unique() if f"{value:.4f}" in text]


def test_an_interrupted_write_leaves_the_old_page(
    production: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from governance.report import write

    page = write.write_report(production, tmp_path)
    before = page.read_bytes()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fchmod", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write.write_report(production, tmp_path)
    assert page.read_bytes() == before
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_a_model_that_is_not_in_use_has_no_report(ground: Ground, tmp_path: Path) -> None:
    from governance.report.collect import NothingToReportError
    from governance.report.write import write_report

    with pytest.raises(NothingToReportError, match="breast_cancer_classifier in production"):
        write_report(ground.target("production"), tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_the_default_folder_is_in_the_ground(ground: Ground) -> None:
    from governance.core.workspace import workspace_dir
    from governance.report.write import default_folder

    assert default_folder(ground.platform) == workspace_dir(ground.platform) / "reports"


def test_a_later_validation_that_failed_is_not_hidden_behind_an_earlier_one(
    ground: Ground, production: Target, data: ReportData, tmp_path: Path
) -> None:
    from governance.gates.result import GateFailedError
    from governance.report.collect import collect
    from governance.report.wording import headline
    from governance.runs import jobs

    assert headline(data).passed
    settings = Path(shutil.copytree(ground.settings, tmp_path / "stricter"))
    edit_yaml(settings / "production.yaml", lambda raw: raw["model_thresholds"].update({DIABETES: {"recall": 0.999}}))
    strict = Ground(settings).target("production", DIABETES)
    Ground(settings).apply_settings()
    set_aside_fairness(Ground(settings), strict)  # another policy is another decision
    with pytest.raises(GateFailedError, match="model performance"):
        jobs.validate(strict)
    after = collect(strict)
    assert headline(after).text == "Misses 1 of 4 production thresholds: Recall."
    assert after.evaluation is not None
    assert after.evaluation.environment == "production"
    assert [run.status for run in after.runs] == ["completed", "completed", "failed", "completed"]
    stopped = [outcome.result.gate for outcome in after.gates if not outcome.result.settled]
    assert stopped == ["model performance"]
    assert len(after.gates) > len(data.gates)
