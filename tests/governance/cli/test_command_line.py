"""The command line as people and machines use it: JSON is JSON, a dry run changes nothing, errors are one line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from zenml.client import Client

from governance.cli.app import main
from governance.registry.versions import staged_version
from governance.runs import jobs
from pipelines.config import read_config
from tests.conftest import REPOSITORY, edit_yaml
from tests.governance.conftest import CANCER, DIABETES, TRAINER, Ground


@dataclass(frozen=True)
class Done:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str


def run(ground: Ground, *arguments: str) -> Done:
    """Run a command as a program of its own: one of this file's commands does, as starting ZenML takes seconds."""
    done = subprocess.run(
        [sys.executable, "-m", "governance", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "GROUNDWORK_ENVIRONMENTS": str(ground.settings), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def run_here(ground: Ground, *arguments: str) -> Done:
    """Run a command in this process."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("GROUNDWORK_ENVIRONMENTS", str(ground.settings))
        patch.setenv("COLUMNS", "200")
        patch.setattr(sys, "argv", ["governance", *arguments])
        # It would point ZenML's logging at a stream that is gone after this command.
        patch.setattr("governance.core.progress.ready_zenml", lambda: None)
        with pytest.raises(SystemExit) as ended:
            main()
    assert isinstance(ended.value.code, int)
    return Done(ended.value.code, out.getvalue(), err.getvalue())


def say(ground: Ground, *arguments: str, run: Callable[..., Done] = run_here) -> Any:
    """What the command says as JSON on standard output, and nothing else there."""
    done = run(ground, *arguments, "--json")
    assert done.status == 0, done.err
    return json.loads(done.out)


def refused(ground: Ground, *arguments: str) -> str:
    """The one message of a command that refuses."""
    done = run_here(ground, *arguments)
    assert done.status == 1, done.out
    assert "Traceback" not in done.out + done.err
    return done.err


@pytest.fixture(scope="module")
def in_production(ground: Ground) -> Ground:
    """A ground with one version of one model in production, brought there by commands alone."""
    say(ground, "train", "--model", DIABETES, "--env", "dev", run=run)
    say(ground, "promote", "--model", DIABETES, "--to", "staging")
    say(ground, "validate", "--model", DIABETES, "--env", "staging")
    donald, katherine = (ground.signatory(f"{name}@example.com").email for name in ("donald", "katherine"))
    where = ("--model", DIABETES, "--as", donald, "--yes")
    say(ground, "override", *where, "--env", "production", "--gate", "fairness", "--reason", "the data set is small")
    unseen = refused(ground, "approve", *where[:-1], "--to", "production")
    assert re.search(r"donald@example\.com would sign: version 1 .*\n(.*\n)+Nothing was signed", unseen)
    say(ground, "approve", *where, "--to", "production")
    say(ground, "promote", "--model", DIABETES, "--to", "production", "--as", katherine, "--yes")
    return ground


def test_the_way_to_production_by_commands(in_production: Ground) -> None:
    (row,) = (row for row in say(in_production, "models") if row["model"] == DIABETES)
    assert (row["version"], row["stage"], row["verdict"]) == ("1", "production", "passed")
    assert (row["metric"], row["trainer"], row["in_use"]) == ("roc_auc", TRAINER, ["staging", "production"])
    assert "roc_auc 0." in run_here(in_production, "models").out
    assert say(in_production, "models", "--model", CANCER) == []
    assert "nope" in refused(in_production, "models", "--model", "nope")


def test_inference_on_a_users_own_file(in_production: Ground, tmp_path: Path) -> None:
    from sklearn.datasets import load_diabetes

    data = load_diabetes(as_frame=True, scaled=False).frame.drop(columns="target")
    data.head(50).to_parquet(tmp_path / "patients.parquet")
    said = say(in_production, "infer", "--model", DIABETES, "--data", str(tmp_path / "patients.parquet"))
    assert said["predictions"]["rows"] == 50
    assert said["gates"] == {"input quality": "passed", "prediction drift": "cannot_conclude"}, "50 rows are few"
    scored = pd.read_parquet(said["predictions"]["uri"])
    assert len(scored) == 50
    assert scored["risk_flag"].sum() == said["predictions"]["outcomes"]["flagged"]
    assert set(scored["model_version"]) == {"1"}

    runs = Client().list_pipeline_runs(size=1).total
    assert "there is nothing at" in refused(in_production, "infer", "--model", DIABETES, "--data", "no-such.parquet")
    assert Client().list_pipeline_runs(size=1).total == runs, "no run was started"
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


def test_a_dry_run_refuses_what_the_run_would(
    in_production: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, model = "local-diabetes-care-production", ("--model", DIABETES, "--dry-run")
    commands = [("validate", "--env", "production"), ("infer",), ("release",)]
    Client().update_stack(stack, name="elsewhere")
    try:
        for command in (("train", "--env", "production"), *commands):
            assert f"no ZenML stack {stack!r}" in refused(in_production, *command, *model), command
    finally:
        Client().update_stack("elsewhere", name=stack)
    assert "there is nothing at" in refused(in_production, "infer", "--data", "no-such.parquet", *model)
    for command in ("infer", "report"):
        assert "No version of" in refused(in_production, command, "--model", CANCER, "--dry-run")
    with monkeypatch.context() as patch:
        patch.setattr(read_config, "__defaults__", (tmp_path,))
        for command in (("train",), *commands):
            assert f"{DIABETES}.yaml does not exist" in refused(in_production, *command, *model), command


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
    in_production: Ground, arguments: tuple[str, ...], words: str
) -> None:
    assert words in refused(in_production, *arguments)


def test_a_gate_stops_the_command_with_metric_value_and_threshold(in_production: Ground) -> None:
    file = in_production.settings / "production.yaml"
    kept = file.read_text(encoding="utf-8")
    try:
        jobs.train(in_production.target("dev", DIABETES))
        say(in_production, "promote", "--model", DIABETES, "--to", "staging")
        say(in_production, "validate", "--model", DIABETES, "--env", "staging")
        edit_yaml(file, lambda raw: raw["model_thresholds"].update({DIABETES: {"roc_auc": 0.99}}))
        assert "was last applied with settings sha256:" in refused(
            in_production, "promote", "--model", DIABETES, "--to", "production"
        )
        in_production.apply_settings()
        message = refused(in_production, "promote", "--model", DIABETES, "--to", "production")
        assert "roc_auc 0.9197" in message
        assert "must be at least 0.99" in message
    finally:
        file.write_text(kept, encoding="utf-8")
        in_production.apply_settings()
    version = staged_version(in_production.target("production", DIABETES))
    assert version is not None
    assert version.number == 1
