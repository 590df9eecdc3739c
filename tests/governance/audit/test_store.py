"""A folder as a store: whole or not at all, and durable. What every store promises is in ``test_clouds.py``."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from governance.audit.errors import StoreError
from governance.audit.store import LocalStore, Object


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def test_no_draft_is_left_behind(store: LocalStore, tmp_path: Path) -> None:
    store.create_in_order([Object("a", b"1"), Object("b", b"2")])
    store.create_in_order([Object("c", b"3"), Object("a", b"other")])
    assert list((tmp_path / ".drafts").iterdir()) == []


def test_a_batch_may_be_larger_than_the_number_of_files_a_process_may_open(store: LocalStore) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    try:
        assert store.create_in_order([Object(f"{number:04d}", b"x") for number in range(600)]) == 600
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(list(store.list(""))) == 600


def test_large_objects_are_read_whole(store: LocalStore) -> None:
    for size in (0, 65535, 65536, 65537, 3_000_000):
        store.create_if_absent(Object(f"{size}", os.urandom(size)))
        assert len(store.read(f"{size}") or b"") == size


@pytest.mark.parametrize("key", ["../x", "/x", "a//b", "a/", "", "a/../b", ".hidden", "a b", "a\n"])
def test_a_key_that_could_lead_elsewhere_is_refused(store: LocalStore, key: str) -> None:
    with pytest.raises(StoreError, match="is no key"):
        store.create_if_absent(Object(key, b""))


def test_a_missing_folder_is_refused_rather_than_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"does not exist.*make apply"):
        LocalStore(tmp_path / "missing")


def test_a_failing_disk_is_reported_and_leaves_nothing(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        store.create_if_absent(Object("a", b"x"))
    monkeypatch.undo()
    assert store.read("a") is None
    assert list((tmp_path / ".drafts").iterdir()) == []


def test_an_unreadable_object_is_an_error_and_not_an_absent_one(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="Reading folder"):
        store.read("folder")


def test_drafts_of_processes_killed_long_ago_are_swept_and_recent_ones_kept(tmp_path: Path) -> None:
    drafts = tmp_path / ".drafts"
    drafts.mkdir()
    (drafts / "old").touch()
    (drafts / "new").touch()
    os.utime(drafts / "old", (time.time() - 2 * 24 * 3600,) * 2)
    store = LocalStore(tmp_path)
    assert [path.name for path in drafts.iterdir()] == ["new"]
    assert list(store.list("")) == []


def test_objects_cannot_be_written_to_by_mistake(store: LocalStore, tmp_path: Path) -> None:
    store.create_if_absent(Object("a", b"x"))
    assert (tmp_path / "a").stat().st_mode & 0o222 == 0


def test_bytes_are_durable_before_the_name_and_the_name_before_the_answer(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of calls is what survives a power cut, which no test can make."""
    calls: list[str] = []
    real_fsync, real_link = os.fsync, os.link

    def fsync(descriptor: int) -> None:
        calls.append("sync folder" if Path(f"/proc/self/fd/{descriptor}").is_dir() else "sync bytes")
        real_fsync(descriptor)

    def link(source: str, target: str) -> None:
        calls.append("name")
        real_link(source, target)

    store.create_if_absent(Object("folder/first", b"x"))
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", link)
    store.create_in_order([Object(f"folder/{number}", b"x") for number in range(20)])
    assert calls == ["sync bytes"] * 20 + ["name"] * 20 + ["sync folder"]
