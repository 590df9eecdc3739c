"""The scaffold as users get it: shortest and longest name, one model and three, CSV and Parquet, up to production."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.conftest import REPOSITORY, copy_checkout, run_in_copy
from tests.governance.teams import drive

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parts of the checkout that a team needs."""
    folder = copy_checkout(tmp_path_factory.mktemp("checkout"))
    shutil.copytree(REPOSITORY / "tests" / "teams", folder / "tests" / "teams")
    return folder


@pytest.fixture(scope="module")
def told(copy: Path, _migrated_store: Path) -> dict[str, Any]:
    return run_in_copy(copy, drive.__file__, _migrated_store)


def test_adding_the_file_gives_the_team_a_stack_in_every_environment(told: dict[str, Any]) -> None:
    for teams in told["stacks"].values():
        assert {"qa", "abcdefghijklmnop", "oncology", "diabetes-care", "platform"} == set(teams)
    assert told["registered"] == 6 * 5, "of two teams in three environments a stack and its four components"
    assert told["registered again"] == 0


def test_every_model_trains_under_all_gates_and_scores(told: dict[str, Any]) -> None:
    assert set(told["trained"]) == {"qa_classifier", *drive.LONG.models}
    for found in told["trained"].values():
        assert found["auc"] > 0.85
        assert {"validate_data_quality", "validate_model_performance", "validate_fairness"} <= set(found["steps"])
    assert told["trained"]["qa_classifier"]["rows"] == told["trained"]["churn_classifier"]["rows"] == 3000


def test_a_model_goes_to_production_and_stops_only_for_the_approval(told: dict[str, Any]) -> None:
    released = told["release"]
    assert released["before"] == ["promote to staging", "validate in staging", "promote to production"]
    assert "make approve MODEL=qa_classifier TO=production" in released["due"]
    assert released["then"] == ["promote to production"], "what was done is not done again"
    assert released["version"] == "1"
    assert released["again"]
    assert released["after"] == []


def test_the_tests_that_the_teams_got_pass(told: dict[str, Any], copy: Path) -> None:
    assert told
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        ".",
        "tests",
    ]
    done = subprocess.run(
        command, cwd=copy, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(copy)}
    )
    assert done.returncode == 0, done.stdout
    assert "12 passed" in done.stdout


def test_the_notebooks_that_the_teams_got_run_from_their_own_folders(
    told: dict[str, Any], copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    folder = copy / "pipelines" / "teams" / "qa"
    notebook = nbformat.read(folder / "explore.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    last = notebook.cells[-1].outputs[-1]
    assert "roc_auc" in last["data"]["text/plain"]
    broken = nbformat.read(folder / "explore.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    broken.cells[-1].source += "\nraise ValueError('found')"
    with pytest.raises(CellExecutionError, match="found"):
        NotebookClient(broken, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
