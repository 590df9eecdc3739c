"""Files are replaced whole, and git is called in one way."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from environments.files import file_sha256, replace_file, replace_if_changed, sha256_hex
from environments.git import GitError, run_git


def test_a_file_is_replaced_whole_with_its_mode_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "made" / "script"
    replace_file(file, "first\r\n", mode=0o755)
    replace_file(file, b"\xff", mode=0o600)
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"\xff", 0o600)
    assert list(file.parent.iterdir()) == [file]


def test_a_file_that_cannot_be_written_is_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kept"
    replace_file(file, "old")

    def full(self: Path, _target: Path) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        replace_file(file, "new")
    assert [it.read_text() for it in tmp_path.iterdir()] == ["old"]


def test_a_file_that_holds_the_same_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "same"
    assert replace_if_changed(file, "text")
    before = file.stat().st_ino
    assert not replace_if_changed(file, b"text")
    assert file.stat().st_ino == before
    assert replace_if_changed(file, "other")
    assert file_sha256(file) == sha256_hex("other") == hashlib.sha256(b"other").hexdigest()


def test_git_says_what_it_refused_and_keeps_bytes_that_are_no_text(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    blob = run_git(tmp_path, "hash-object", "-w", "--stdin", stdin="\udcff").strip()
    assert run_git(tmp_path, "cat-file", "blob", blob) == "\udcff"
    with pytest.raises(GitError, match=r"git rev-parse in .* failed: .*HEAD") as refused:
        run_git(tmp_path, "rev-parse", "HEAD")
    assert refused.value.said


def test_git_that_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match=r"git status in .* failed"):
        run_git(tmp_path, "status")
