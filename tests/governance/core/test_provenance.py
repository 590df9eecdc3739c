"""A run says which commit it was made from; where git would not tell, that is never passed over in silence."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from environments.git import run_git
from governance.core import provenance
from governance.core.provenance import CommitUnknownError, UncommittedError, collect, require_commit

Spoil = Callable[[Path, pytest.MonkeyPatch], object]

SILENCED: dict[str, Spoil] = {
    "dubious ownership": lambda _, patch: patch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1"),
    "No such file": lambda _, patch: patch.setenv("PATH", ""),  # no git
    "not a git repository": lambda checkout, _: shutil.rmtree(checkout / ".git" / "refs"),
    "index file": lambda checkout, _: (checkout / ".git" / "index").write_bytes(b"no index"),  # it tells the commit
}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uncommitted_counts: None) -> Path:
    """A repository with one commit, and what differs from it in nothing."""
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path)
    run_git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("text", encoding="utf-8")
    run_git(tmp_path, "add", ".")
    run_git(tmp_path, "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", "First")
    return tmp_path


@pytest.mark.parametrize("said", SILENCED)
def test_what_git_would_not_tell_is_refused_and_in_dev_said_aloud(
    said: str, checkout: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert collect().git_dirty is False
    require_commit("production", collect(), guarded=True)
    SILENCED[said](checkout, monkeypatch)
    assert collect().in_log()["git_commit"] is None
    for environment in ("staging", "production"):
        with pytest.raises(CommitUnknownError, match=rf"git does not tell its commit \(.*{said}") as refused:
            require_commit(environment, collect(), guarded=True)
        assert "\n" not in str(refused.value)
    with caplog.at_level(logging.WARNING):
        require_commit("dev", collect(), guarded=False)
    assert "is a git repository, and git does not tell its commit" in caplog.text


def test_a_checkout_that_is_no_repository_has_no_commit_to_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path)
    require_commit("production", collect(), guarded=True)
    assert collect().in_log()["git_commit"] is None
    assert caplog.text == ""


@pytest.mark.parametrize("name", ["notes.txt", "docs/page.md", "tests/test_x.py", ".idea/workspace.xml"])
def test_what_no_command_reads_stops_nothing_and_is_on_record(name: str, checkout: Path) -> None:
    put(checkout, name)
    assert collect().git_dirty is True
    require_commit("production", collect(), guarded=True)


@pytest.mark.parametrize(
    "name",
    [
        "x.py",
        "Makefile",
        "requirements.lock",
        "pandas/__init__.py",
        "pipelines/notes.txt",
        "mydocs/x.py",
        "docs",
        "a/b.md",
    ],
)
def test_what_could_decide_something_stops(name: str, checkout: Path) -> None:
    put(checkout, "notes.txt")
    put(checkout, name)
    with pytest.raises(UncommittedError, match=f"No commit holds {name.partition('/')[0]}") as refused:
        require_commit("production", collect(), guarded=True)
    assert "notes.txt" not in str(refused.value)


def put(checkout: Path, name: str) -> None:
    (checkout / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / name).write_text("text", encoding="utf-8")
