"""A training is done again from its commit, and whatever is not as it was recorded is named."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from environments.git import run_git
from governance.audit import open_reader
from governance.audit.events import RunFinished, RunReproduced, RunStarted
from governance.core.provenance import Provenance, lock_digest
from governance.core.target import Target
from governance.records import journal
from governance.records.journal import Journal
from governance.reproduction import reproduce as again
from governance.reproduction.recorded import Figure, ReproductionError
from governance.runs import jobs, session
from pipelines.config import ModelConfig
from tests.conftest import copy_checkout
from tests.governance.conftest import CANCER, Ground

TRAINER_STEP = Path("pipelines/steps/model_trainer.py")
_IN_GIT = ("-c", "user.name=ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")


def commit(folder: Path, message: str) -> str:
    run_git(folder, "add", "--all")
    run_git(folder, *_IN_GIT, "commit", "--quiet", "--message", message)
    return run_git(folder, "rev-parse", "HEAD").strip()


@dataclass(frozen=True)
class Trained:
    """Two trainings on record: version 1 of code that is repeatable, version 2 of code that is not."""

    ground: Ground
    data: Path
    repository: Path

    @property
    def target(self) -> Target:
        return self.ground.target("dev")

    def verdicts(self) -> list[RunReproduced]:
        log = open_reader(self.target.platform, "dev")
        return [entry.event for entry in log.entries() if isinstance(entry.event, RunReproduced)]


@pytest.fixture(scope="module")
def trained(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    from sklearn.datasets import load_breast_cancer

    folder = tmp_path_factory.mktemp("reproduce")
    data = folder / "cells.csv"
    load_breast_cancer(as_frame=True).frame.to_csv(data, index=False)
    repository = copy_checkout(folder / "repository")
    config = repository / "pipelines" / "configs" / f"{CANCER}.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("sklearn:breast_cancer", str(data)), encoding="utf-8")
    run_git(repository, "init", "--quiet")
    repeatable = commit(repository, "Read cells from a file")
    step = repository / TRAINER_STEP
    code = step.read_text(encoding="utf-8")
    planted = code.replace(
        "    return train_model(", "    training_data = training_data.sample(frac=0.9)\n    return train_model("
    )
    assert planted != code
    step.write_text(planted, encoding="utf-8")
    random = commit(repository, "Train on other rows each time")

    read = session.read_config

    def of_the_repository(model: str) -> ModelConfig:
        source = read(model).source.model_copy(update={"path": str(data)})
        return read(model).model_copy(update={"source": source})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(again, "CHECKOUT", repository)
        patch.setattr(session, "read_config", of_the_repository)
        for made_from in (repeatable, random):
            provenance = Provenance(git_commit=made_from, git_dirty=False, lock_digest=lock_digest(), started_by="ada")
            patch.setattr(journal, "collect", lambda _, it=provenance: it)
            jobs.train(ground.target("dev"))
        yield Trained(ground, data, repository)


@pytest.mark.slow
def test_the_same_model_comes_of_the_same_commit_lock_and_data(trained: Trained) -> None:
    told: list[str] = []
    done = again.reproduce(trained.target, version="1", tell=told.append)
    assert (done.outcome, done.differences) == ("reproduced", ())
    assert told[-1] == "training"
    verdict = trained.verdicts()[-1]
    assert (verdict.outcome, verdict.rebuilt, verdict.run) == ("reproduced", done.model, done.run)


@pytest.mark.slow
def test_a_moved_data_set_is_found(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    from governance.cli.reproduction import DIFFERS
    from governance.cli.reproduction import reproduce as command

    before = trained.data.read_text(encoding="utf-8")
    lines = before.splitlines(keepends=True)
    trained.data.write_text("".join([*lines[:1], *reversed(lines[1:])]), encoding="utf-8")
    try:
        with pytest.raises(typer.Exit) as ended:
            command(CANCER, "dev", "1", None, None, trained.ground.settings, as_json=True)
    finally:
        trained.data.write_text(before, encoding="utf-8")
    assert ended.value.exit_code == DIFFERS
    told = json.loads(capsys.readouterr().out)
    assert (told["outcome"], told["first_difference"]) == ("differs", "data")
    assert trained.verdicts()[-1].first_difference == "data"


@pytest.mark.slow
def test_a_planted_source_of_randomness_is_found(trained: Trained) -> None:
    done = again.reproduce(trained.target, version="2")
    assert done.first_difference == "seed", done.differences
    assert "follows no seed" in done.differences[0].said
    assert trained.verdicts()[-1].first_difference == "seed"


@pytest.mark.slow
def test_a_changed_dependency_is_found(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "other")], check=True)
    (packages,) = (tmp_path / "other").glob("lib/python*/site-packages")
    (packages / "installed.pth").write_text(sysconfig.get_paths()["purelib"], encoding="utf-8")
    changed = packages / "narwhals-0.0.1.dist-info"
    changed.mkdir()
    (changed / "METADATA").write_text("Metadata-Version: 2.1\nName: narwhals\nVersion: 0.0.1\n", encoding="utf-8")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "other" / "bin" / "python"))
    done = again.reproduce(trained.target, version="1")
    assert (done.outcome, done.first_difference) == ("differs", "packages")
    assert [d.said for d in done.differences if "narwhals" in d.said and "0.0.1 is installed" in d.said]


def _on_record(target: Target, run: str, **provenance: object) -> None:
    """Leave a training on record that nobody ran."""
    written = Journal(target)
    written.__dict__["provenance"] = written.provenance.model_copy(update=provenance)
    common = {"run": run, "pipeline": "training_pipeline", "model_version": "7"}
    written.write(written.event(RunStarted, **common), written.event(RunFinished, **common))


def test_another_lock_is_named_and_nothing_is_trained(trained: Trained) -> None:
    _on_record(trained.target, "with-another-lock", lock_digest="e" * 64)
    done = again.reproduce(trained.target, run="with-another-lock")
    assert (done.outcome, done.first_difference, done.model) == ("differs", "lock", None)
    assert "holds no lock of that digest" in done.differences[0].said


def test_what_cannot_be_trained_again_is_said(trained: Trained) -> None:
    before = len(trained.verdicts())
    _on_record(trained.target, "of-an-unknown-commit", git_commit="a" * 40)
    with pytest.raises(ReproductionError, match=r"made from commit a{40}, which .* does not hold: fetch it"):
        again.reproduce(trained.target, run="of-an-unknown-commit")
    _on_record(trained.target, "of-local-changes", git_dirty=True)
    with pytest.raises(ReproductionError, match="local changes that no commit holds"):
        again.reproduce(trained.target, run="of-local-changes")
    with pytest.raises(ReproductionError, match="has no version 99"):
        again.reproduce(trained.target, version="99")
    assert len(trained.verdicts()) == before


def test_a_dry_run_says_from_what_and_trains_nothing(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    from governance.cli.reproduction import reproduce as command

    before = len(trained.verdicts())
    command(CANCER, "dev", "1", None, None, trained.ground.settings, as_json=True, dry_run=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["commit_at_hand"], told["lock_at_hand"]) == ("1", True, True)
    assert len(trained.verdicts()) == before


@pytest.mark.parametrize(
    ("figure", "value", "holds"),
    [
        (Figure(0.9, 0.85, 0.95), 0.86, True),
        (Figure(0.9, 0.85, 0.95), 0.84, False),
        (Figure(0.9, 0.85, 0.95), 0.96, False),
        (Figure(0.9, None, None), 0.9, True),
        (Figure(0.9, None, None), 0.9001, False),
    ],
)
def test_a_metric_holds_within_its_interval_only(figure: Figure, value: float, holds: bool) -> None:
    assert figure.holds(value) is holds
