"""Each place of work has a lock of its own: with hashes, with the same model libraries, and its entry points import."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from governance.core.provenance import installed_lock, lock_digest, lock_of
from governance.images.clouds import ENTRY_POINTS
from governance.images.lock_file import Locked, read_lock
from tests.conftest import REPOSITORY

PLACES = sorted(ENTRY_POINTS)
MODEL_LIBRARIES = (
    "lightgbm",
    "numpy",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "skops",
    "xgboost-cpu",
)
"""What decides a model's bytes and predictions."""

IMPORT_ALL = """
import importlib, pkgutil, sys
# An orchestrator's adapter imports what only the lock of its own place holds.
elsewhere = tuple(f"governance.runs.orchestrators.{place}." for place in sys.argv[1].split(","))
for package in ("environments", "stack_bootstrap", "pipelines", "governance"):
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        program = module.name.endswith(("__main__", "_target"))  # reads its environment when it is imported
        if not program and not module.name.startswith(elsewhere):
            importlib.import_module(module.name)
for name in sys.argv[2:]:
    importlib.import_module(name)
"""


def versions(lock: tuple[Locked, ...], names: tuple[str, ...]) -> set[tuple[str, str, str]]:
    return {(entry.name, entry.version, entry.marker) for entry in lock if entry.name in names}


@pytest.mark.parametrize("place", [*PLACES, "airflow"])
def test_every_place_locks_its_packages_with_hashes_and_no_addresses(place: str) -> None:
    file = REPOSITORY / "locks" / f"{place}.lock"
    assert "://" not in file.read_text(encoding="utf-8")
    assert len(read_lock(file)) > 100
    assert lock_of(place) == file


def test_a_model_means_the_same_in_every_place() -> None:
    here = versions(read_lock(REPOSITORY / "requirements.lock"), MODEL_LIBRARIES)
    assert {name for name, *_ in here} == {*MODEL_LIBRARIES}
    for place in PLACES:
        assert versions(read_lock(lock_of(place)), MODEL_LIBRARIES) == here, place


def test_make_lock_knows_every_place() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    (named,) = re.findall(r"^PLACES := (.+)$", makefile, re.MULTILINE)
    assert named.split() == PLACES
    assert {file.stem for file in (REPOSITORY / "locks").glob("*.lock")} == {*PLACES, "airflow"}


@pytest.mark.parametrize(
    ("said", "lock"),
    [
        ("locks/kubernetes.lock\n", "locks/kubernetes.lock"),
        ("requirements.lock\n", "requirements.lock"),
        ("", "requirements.lock"),
        (None, "requirements.lock"),
    ],
)
def test_a_run_names_the_lock_that_its_packages_are_from(said: str | None, lock: str, tmp_path: Path) -> None:
    if said is not None:
        (tmp_path / ".installed").write_text(said, encoding="utf-8")
    assert installed_lock(tmp_path) == REPOSITORY / lock


def test_the_digest_in_the_log_is_the_installed_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    here = lock_digest()
    monkeypatch.setattr("governance.core.provenance.installed_lock", lambda checkout: lock_of("aws", checkout))
    assert lock_digest() != here


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_all_of_ours_and_the_orchestrators_entry_points_import(place: str, tmp_path: Path) -> None:
    home = REPOSITORY / f".venv-{place}"
    if not (home / ".installed").is_file():
        pytest.skip(f"the packages of {place} are not installed: make setup CLOUD={place}")
    others = ",".join(sorted({*PLACES} - {place}))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "ZENML_CONFIG_PATH": str(tmp_path)}
    done = subprocess.run(
        [str(home / "bin" / "python"), "-c", IMPORT_ALL, others, *ENTRY_POINTS[place]],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_airflows_scheduler_imports_the_operators_that_zenml_writes() -> None:
    home = REPOSITORY / ".venv-airflow"
    if not (home / ".installed").is_file():
        pytest.skip("the packages of airflow are not installed: make setup CLOUD=airflow")
    operators = "airflow.providers.docker.operators.docker, airflow.providers.cncf.kubernetes.operators.pod"
    done = subprocess.run(
        [str(home / "bin" / "python"), "-c", f"import {operators}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_only_what_is_installed_is_imported_in_an_image() -> None:
    trial = (REPOSITORY / "governance" / "images" / "trial.py").read_text(encoding="utf-8")
    imported = set(re.findall(r"^(?:from|import) (\w+)", trial, re.MULTILINE))
    assert imported <= {"zenml", *sys.stdlib_module_names} | {"__future__"}, "the image holds nothing of ours"
