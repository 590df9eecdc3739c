"""The scripts that workflows run: one issue per label, and a key that is there only as long as it is needed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


def script(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(REPOSITORY / "scripts" / name), *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``gh`` that writes down how it was called and knows the open issue in the file beside its log."""
    program = tmp_path / "bin" / "gh"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/log\n[ "$2" != list ] || cat {tmp_path}/open 2>/dev/null || true\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path


def called(github: Path) -> list[str]:
    return [line for line in (github / "log").read_text(encoding="utf-8").splitlines() if " list " not in line]


def test_an_issue_is_opened_once_then_updated_then_closed(github: Path) -> None:
    body = github / "found $(x).md"
    body.write_text("text", encoding="utf-8")
    assert script("report-issue", "drift", "It differs", str(body)).returncode == 0
    assert called(github)[-1] == f"issue create --label drift --title It differs --body-file {body}"
    (github / "open").write_text("7\n", encoding="utf-8")
    assert script("report-issue", "drift", "It differs", str(body)).returncode == 0
    assert called(github)[-1] == f"issue edit 7 --title It differs --body-file {body}"
    assert script("report-issue", "--close", "drift").returncode == 0
    assert called(github)[-1].startswith("issue close 7 ")


def test_without_an_open_issue_there_is_nothing_to_close(github: Path) -> None:
    assert script("report-issue", "--close", "drift").returncode == 0
    assert called(github) == []


def test_wrong_arguments_are_refused_with_the_usage(github: Path) -> None:
    done = script("report-issue", "drift")
    assert done.returncode == 2
    assert "usage: scripts/report-issue LABEL TITLE FILE" in done.stderr


def test_the_model_key_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    look = (
        f'cd "$GROUNDWORK_MODEL_KEYS" && stat -c "%a %n" . * > {seen} && cat * >> {seen} && pwd >> {seen}; env; exit 3'
    )
    done = script("with-model-key", "sh", "-c", look, MODEL_SIGNING_KEY="PEM", CLOUD="aws", ENV="dev")
    assert done.returncode == 3, "the command's own status"
    rights, file, key, folder = seen.read_text(encoding="utf-8").splitlines()
    assert (rights, file, key) == ("700 .", "600 models-aws-dev.pem", "PEM")
    assert not Path(folder).exists()
    assert "MODEL_SIGNING_KEY" not in done.stdout


def test_without_a_key_the_command_runs_as_it_is() -> None:
    done = script("with-model-key", "sh", "-c", 'echo "${GROUNDWORK_MODEL_KEYS-none}"', MODEL_SIGNING_KEY="")
    assert (done.returncode, done.stdout) == (0, "none\n")
