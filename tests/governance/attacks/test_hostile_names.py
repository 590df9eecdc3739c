"""Whoever names an object, a member of an archive or a file gets nothing written outside the folder meant for it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from governance.core.store_files import path_in
from governance.registry.model_files import ModelFiles, ReleaseError
from pipelines.digests import folder_digest
from pipelines.local_paths import UnsafeNameError, local_paths
from tests.governance.s3 import artifact_store

if TYPE_CHECKING:
    from zenml.artifact_stores import BaseArtifactStore

URI = "s3://models/releases/classifier"


def model_at(store: BaseArtifactStore, uri: str, digest: str = "0" * 64) -> ModelFiles:
    return ModelFiles(store, uri, "classifier", digest, "Version 1")


def test_an_object_whose_key_climbs_is_not_written_beside_the_copy(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "a" / "b"))
    (tmp_path / "a" / "b").mkdir(parents=True)
    bucket.put_object(Key="releases/classifier/model.skops", Body=b"model")
    bucket.put_object(Key="releases/classifier/../../../escaped/authorized_keys", Body=b"mine")
    with (
        pytest.raises(ReleaseError, match="is no name of a file"),
        model_at(artifact_store("s3", "s3://models"), URI).checked_copy(),
    ):
        pass
    assert not list(tmp_path.rglob("authorized_keys"))


def test_honest_objects_are_copied(bucket: Any, tmp_path: Path) -> None:
    for name in ("model.skops", "more/of it.json"):
        bucket.put_object(Key=f"releases/classifier/{name}", Body=name.encode())
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    digest = folder_digest(tmp_path)
    with model_at(artifact_store("s3", "s3://models"), URI, digest).checked_copy() as folder:
        assert folder_digest(folder) == digest


@pytest.mark.parametrize("link", ["file", "folder"])
def test_a_link_in_a_local_store_brings_no_other_file_along(tmp_path: Path, link: str) -> None:
    secret, uri = tmp_path / "secret", tmp_path / "store" / "classifier"
    uri.mkdir(parents=True)
    secret.mkdir()
    (secret / "key").write_text("private", encoding="utf-8")
    (uri / "model.skops").symlink_to(secret if link == "folder" else secret / "key")
    store = artifact_store("local", str(tmp_path / "store"))
    with pytest.raises(ReleaseError, match="is a link"), model_at(store, str(uri)).checked_copy():
        pass


@pytest.mark.parametrize(
    "name",
    [
        *("..", "../x", "a/../b", ".", "./a", "/etc/passwd", "a//b", "a/", "", "a./b", "a ", "x" * 256, "é" * 128),
        *("C:", "C:/x", "c:x", "a:stream", "..\\x", "\\\\host\\x", "a\nb", "a\0b", "a\x7fb", "\x1b[2J", "a\u202eb"),
        *("\ud800", "a\u2028/..", "\ufeffa"),
    ],
)
def test_no_name_leads_out_of_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafeNameError, match="is no name of a file"):
        local_paths(tmp_path, ["model.skops", name])


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "A"), ("\u00e9", "e\u0301"), ("ﬁ", "fi"), ("d/x", "D/y"), ("straße", "STRASSE"), ("K", "k")],
)
def test_two_names_are_never_one_file(tmp_path: Path, one: str, other: str) -> None:
    for pair in ([one, other], [other, one]):
        with pytest.raises(UnsafeNameError, match="one file"):
            local_paths(tmp_path, pair)


def test_plain_names_are_kept_as_they_are(tmp_path: Path) -> None:
    names = ["model.skops", ".hidden", "a/b", "a/c", "patients 2026.csv", "Größe.txt", "..a", "1e400"]
    assert local_paths(tmp_path, names) == {name: tmp_path / name for name in names}


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").symlink_to(tmp_path / "out")
    with pytest.raises(UnsafeNameError, match="is a link"):
        local_paths(tmp_path / "in", ["a/b"])


def test_a_run_that_is_named_like_a_path_leaves_nothing_elsewhere_in_the_store(tmp_path: Path) -> None:
    with pytest.raises(UnsafeNameError, match="is no name of a file"):
        path_in(artifact_store("local", str(tmp_path)), "spool", "../../releases", "x.json")


def test_a_link_in_a_teams_folder_brings_no_other_file_into_its_archive(tmp_path: Path) -> None:
    from governance.teams import archive

    (tmp_path / "teams").mkdir()
    (tmp_path / "teams" / "data.csv").symlink_to("/etc/passwd")
    removal: Any = SimpleNamespace(files=[tmp_path / "teams"], checkout=tmp_path, team=SimpleNamespace(team="fraud"))
    with pytest.raises(UnsafeNameError, match="is a link"):
        list(archive._members(removal, removal))
