"""The command line as people and machines use it: JSON is JSON, a dry run changes nothing, errors are one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from governance.cli.app import main
from governance.registry.versions import staged_version
from governance.runs import jobs
from tests.conftest import REPOSITORY, edit_yaml
from tests.governance.conftest import CANCER, DIABETES, Ground


@pytest.fixture(scope="module")
def in_production(ground: Ground) -> Ground:
    """A ground with one version of one model in production, brought there by commands alone."""
    say(ground, "train", "--model", DIABETES, "--env", "dev")
    say(ground, "promote", "--model", DIABETES, "--to", "staging")
    say(ground, "validate", "--model", DIABETES, "--env", "staging")
    donald, katherine = (ground.signatory(f"{name}@example.com").email for name in ("donald", "katherine"))
    where = ("--model", DIABETES, "--as", donald)
    say(ground, "override", *where, "--env", "production", "--gate", "fairness", "--reason", "the data set is small")
    say(ground, "approve", *where, "--to", "production")
    say(ground, "promote", "--model", DIABETES, "--to", "production", "--as", katherine)
    return ground


def run(ground: Ground, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "governance", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "GROUNDWORK_ENVIRONMENTS": str(ground.settings), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def say(ground: Ground, *arguments: str) -> Any:
    """What the command says as JSON on standard output, and nothing else there."""
    done = run(ground, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(ground: Ground, *arguments: str) -> str:
    """The one message of a command that refuses."""
    done = run(ground, *arguments)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    return done.stderr


@pytest.fixture
def refused_here(
    in_production: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """As ``refused``, in this process: starting ZenML costs seconds."""
    monkeypatch.setenv("GROUNDWORK_ENVIRONMENTS", str(in_production.settings))
    # It points ZenML's logging at a stream that pytest closes after this test.
    monkeypatch.setattr("governance.core.progress.quiet_third_parties", lambda: None)

    def refuse(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["governance", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
        assert exit_.value.code == 1
        return capsys.readouterr().err

    return refuse


def test_the_way_to_production_by_commands(in_production: Ground) -> None:
    (row,) = (row for row in say(in_production, "models") if row["model"] == DIABETES)
    assert (row["version"], row["stage"]) == ("1", "production")


def test_inference_on_a_users_own_file(in_production: Ground, tmp_path: Path) -> None:
    from sklearn.datasets import load_diabetes

    data = load_diabetes(as_frame=True, scaled=False).frame.drop(columns="target")
    data.head(50).to_parquet(tmp_path / "patients.parquet")
    said = say(in_production, "infer", "--model", DIABETES, "--data", str(tmp_path / "patients.parquet"))
    assert said["predictions"]["rows"] == 50
    scored = pd.read_parquet(said["predictions"]["uri"])
    assert len(scored) == 50
    assert scored["risk_flag"].sum() == said["predictions"]["flagged"]
    assert set(scored["model_version"]) == {"1"}

    data.drop(columns="bmi").to_csv(tmp_path / "lacking.csv", index=False)
    message = refused(in_production, "infer", "--model", DIABETES, "--data", str(tmp_path / "lacking.csv"))
    assert "column 'bmi': expected number, found no such column" in message


def test_dry_runs_change_nothing(in_production: Ground, tmp_path: Path) -> None:
    from zenml.client import Client

    before = Client().list_pipeline_runs().total
    steps = say(in_production, "train", "--model", CANCER, "--dry-run")["steps"]
    assert {"validate_data_quality", "validate_model_performance"} <= set(steps)
    assert say(in_production, "validate", "--model", DIABETES, "--env", "production", "--dry-run")["version"] == 1
    assert say(in_production, "infer", "--model", DIABETES, "--dry-run")["stack"] == "local-diabetes-care-production"
    folder = tmp_path / "reports"
    say(in_production, "report", "--model", DIABETES, "--folder", str(folder), "--dry-run")
    assert not folder.exists()
    assert Client().list_pipeline_runs().total == before


def test_the_report_is_written_where_it_is_told_to(in_production: Ground, tmp_path: Path) -> None:
    file = Path(say(in_production, "report", "--model", DIABETES, "--folder", str(tmp_path / "reports"))["file"])
    assert DIABETES in file.read_text(encoding="utf-8")
    assert (tmp_path / "reports" / "index.html").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "--model", "diabetes_progression_clasifier"), "Did you mean 'diabetes_progression_classifier'?"),
        (("train", "--model", CANCER, "--env", "qa"), "There is no environment 'qa'"),
        (("train", "--model", CANCER, "--cloud", "ibm"), "CLOUD=ibm is not a cloud"),
        (("infer", "--model", CANCER), "make promote"),
        (("promote", "--model", CANCER, "--to", "production"), "No version of"),
        (("rollback", "--model", DIABETES, "--reason", "x"), "no earlier version was in use"),
        (("rollback", "--model", DIABETES), "--reason"),
        (("report", "--model", CANCER), CANCER),
        (("validate", "--model", CANCER, "--env", "staging"), "make train"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_message(
    refused_here: Callable[..., str], arguments: tuple[str, ...], words: str
) -> None:
    assert words in refused_here(*arguments)


def test_a_gate_stops_the_command_with_metric_value_and_threshold(
    in_production: Ground,
) -> None:
    file = in_production.settings / "production.yaml"
    kept = file.read_text(encoding="utf-8")
    try:
        jobs.train(in_production.target("dev", DIABETES))
        say(in_production, "promote", "--model", DIABETES, "--to", "staging")
        say(in_production, "validate", "--model", DIABETES, "--env", "staging")
        edit_yaml(file, lambda raw: raw["model_thresholds"].update({DIABETES: {"roc_auc": 0.99}}))
        message = refused(in_production, "promote", "--model", DIABETES, "--to", "production")
        assert "roc_auc 0.9197" in message
        assert "must be at least 0.99" in message
    finally:
        file.write_text(kept, encoding="utf-8")
    version = staged_version(in_production.target("production", DIABETES))
    assert version is not None
    assert version.number == 1
