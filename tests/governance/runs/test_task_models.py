"""A model of classes and one of numbers go from training to a batch in production, under every gate."""

from __future__ import annotations

import json
from zipfile import ZipFile

import pandas as pd
import pytest
from rich.console import Console

from governance.audit.verify_pack import check_pack
from governance.demo.config import Place
from governance.demo.lifecycle import bring_to_production
from governance.demo.progress import DemoProgress
from governance.evidence_pack.pack import write_pack
from governance.gates.catalogue import gates_for
from governance.report.collect import collect
from governance.report.data import ReportData
from governance.report.render import render
from pipelines.config import read_config
from tests.governance.conftest import Ground
from tests.governance.report.test_render import Reading

DIGITS, PROGRESSION = "diary_digit_classifier", "diabetes_progression_regressor"


@pytest.fixture(scope="module")
def reports(ground: Ground) -> dict[str, ReportData]:
    """What there is to say of both models once they are in production."""
    found = {}
    Place().signers(ground.target("production", DIGITS))
    ground.apply_settings()  # who may sign is part of what is applied
    for model in (DIGITS, PROGRESSION):
        bring_to_production(ground.platform, model, DemoProgress(Console(quiet=True)), Place())
        found[model] = collect(ground.target("production", model))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("model", [DIGITS, PROGRESSION])
def test_every_gate_judged_it_in_staging_and_none_was_set_aside(reports: dict[str, ReportData], model: str) -> None:
    judged = {found.result.gate: found.result for found in reports[model].gates if found.environment == "staging"}
    assert set(judged) == {gate.name for gate in gates_for("judges a release", "staging")}
    assert {result.verdict for result in judged.values()} == {"passed"}
    own = set(read_config(model).metrics)
    asked = {metric.name: metric for metric in reports[model].metrics}
    assert all(asked[name].thresholds["production"] is not None for name in own)


def test_a_batch_holds_what_its_task_predicts(reports: dict[str, ReportData]) -> None:
    made = {model: data.predictions for model, data in reports.items()}
    digits, numbers = made[DIGITS], made[PROGRESSION]
    assert digits is not None
    assert numbers is not None
    frame = pd.read_parquet(digits.uri)
    assert frame["predicted_class"].value_counts().to_dict() == digits.outcomes
    every = frame[[f"probability_{digit}" for digit in range(10)]]
    assert (every.sum(axis=1) - 1).abs().max() < 1e-9
    assert (every.max(axis=1) == frame["probability"]).all()
    assert (every.idxmax(axis=1) == "probability_" + frame["predicted_class"]).all()
    frame = pd.read_parquet(numbers.uri)
    assert frame["predicted_value"].mean() == pytest.approx(numbers.mean)
    assert numbers.outcomes == {}
    assert len(frame) == 442


def test_its_report_shows_the_plots_of_its_task(reports: dict[str, ReportData]) -> None:
    page = Reading(render(reports[DIGITS]))
    assert "Confusion by class" in page.text
    assert "called 7" in page.text
    assert "Most often" in page.text
    assert "Decision threshold" not in page.text
    page = Reading(render(reports[PROGRESSION]))
    for words in (
        "Predicted and observed",
        "Residuals",
        "target in points",
        "In points.",
        "Predicted values in production",
    ):
        assert words in page.text, words
    assert "ROC" not in page.text


@pytest.mark.parametrize(
    ("model", "task", "words"),
    [
        (DIGITS, "multiclass classification", "It predicts which of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 a row is"),
        (PROGRESSION, "regression", "It predicts a number in points: progression one year after baseline."),
    ],
)
def test_its_evidence_pack_says_what_it_predicts(
    reports: dict[str, ReportData], ground: Ground, tmp_path_factory: pytest.TempPathFactory, model: str, task: str,
    words: str,
) -> None:  # fmt: skip
    file = tmp_path_factory.mktemp("pack") / "evidence.zip"
    write_pack(ground.target("production", model), file)
    with ZipFile(file) as pack:
        names = {name.rpartition("/")[2]: name for name in pack.namelist()}
        assert words in pack.read(names["model_card.md"]).decode()
        bom = json.loads(pack.read(names["model.cdx.json"]))
    assert task in json.dumps(bom)
    assert check_pack(str(file), None, [])["problems"] == [], "the program that an auditor runs"
