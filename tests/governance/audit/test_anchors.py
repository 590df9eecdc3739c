"""Checkpoints are kept in second places: folders and tags of a git repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from governance.audit.anchors import GitTagAnchor, StoreAnchor
from governance.audit.errors import StoreError
from governance.audit.integrity import verify_log
from governance.audit.store import LocalStore
from tests.governance.audit.conftest import ORIGIN, Place


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    folder = tmp_path / "repository"
    folder.mkdir()
    _git(folder, "init", "--quiet")
    _git(folder, "config", "user.name", "Log")
    _git(folder, "config", "user.email", "log@example.invalid")
    return folder


def test_a_folder_keeps_one_checkpoint_a_size(tmp_path: Path) -> None:
    anchor = StoreAnchor(LocalStore(tmp_path))
    assert anchor.publish(3, b"three")
    assert anchor.publish(3, b"three")
    assert not anchor.publish(3, b"other")
    assert anchor.publish(12, b"twelve")
    assert (list(anchor.sizes()), list(anchor.sizes(after=3)), list(anchor.sizes(after=12))) == ([3, 12], [12], [])
    assert (anchor.read(12), anchor.read(4)) == (b"twelve", None)
    assert anchor.place == str(tmp_path)


def test_a_tag_keeps_the_checkpoint_byte_for_byte(place: Place, repository: Path) -> None:
    log = place.fill([2, 1])
    newest = log.checkpoint()
    assert newest is not None
    anchor = GitTagAnchor(repository, ORIGIN)
    assert anchor.publish(3, newest[1])
    assert anchor.publish(3, newest[1])
    assert not anchor.publish(3, b"other\n")
    assert anchor.read(3) == newest[1]
    assert (list(anchor.sizes()), list(anchor.sizes(after=3)), anchor.read(4)) == ([3], [], None)
    assert _git(repository, "tag").strip() == f"{ORIGIN}/3"
    assert ORIGIN in anchor.place


def test_verification_uses_tags(place: Place, repository: Path) -> None:
    log = place.fill([2, 1])
    newest = log.checkpoint()
    assert newest is not None
    anchor = GitTagAnchor(repository, ORIGIN)
    anchor.publish(3, newest[1])
    assert verify_log(log.store, log.keys, [anchor], ORIGIN).anchored == 3
    for file in (place.log_folder / "entries").rglob("*2"):
        file.unlink()
    assert verify_log(log.store, log.keys, [anchor], ORIGIN).first_bad == 2


def test_a_signed_tag_reads_back_without_gits_signature(tmp_path: Path, repository: Path) -> None:
    key = tmp_path / "signing"
    made = subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=False)
    assert made.returncode == 0
    _git(repository, "config", "gpg.format", "ssh")
    _git(repository, "config", "user.signingkey", str(key))
    anchor = GitTagAnchor(repository, ORIGIN, sign=True)
    assert anchor.publish(1, b"a note\n\n\xe2\x80\x94 name sig\n")
    assert "BEGIN SSH SIGNATURE" in _git(repository, "cat-file", "tag", f"{ORIGIN}/1")
    assert anchor.read(1) == b"a note\n\n\xe2\x80\x94 name sig\n"


def test_a_repository_that_is_none_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="git for-each-ref"):
        GitTagAnchor(tmp_path, ORIGIN).publish(1, b"x")
    with pytest.raises(StoreError, match="cannot lead the name of a tag"):
        GitTagAnchor(tmp_path, "--upload-pack=x")
