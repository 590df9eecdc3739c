"""A backup is whole, on record and believed only as recorded; what is cut off, altered or too new restores nothing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from governance.audit.errors import StoreError
from governance.audit.store import Object
from governance.backups import drill as drills
from governance.backups import fetch, make
from governance.backups.clouds.local import BackupFolder
from governance.backups.drill import drill
from governance.backups.errors import BackupError
from governance.backups.make import Made, at_work, make_backup
from governance.backups.places import BACKUPS, Place
from governance.backups.records import Records
from governance.backups.restore import restore
from governance.cli.app import app
from governance.core import clock
from governance.core.machine_lock import environment_lock
from governance.server.secret_values import fingerprint, keep_encrypted
from governance.server.state import Home, Process, Service
from tests.governance.backups.conftest import ROWS, events, make_database, number_of_runs, place_of


def folder_of(place: Place) -> Path:
    return Path(place.store().place)


def test_a_backup_holds_everything_is_on_record_and_for_its_owners_eyes(place: Place, store_file: Path) -> None:
    first = make_backup(place).manifest
    second = make_backup(place).manifest
    (_, recorded) = events(place, "backup_made")
    assert recorded.manifest_digest == second.digest  # type: ignore[attr-defined]
    assert set(first.parts) == {"database", "stages"}, "the log was empty"
    assert set(second.parts) == {"database", "stages", "checkpoint", "keys"}
    assert (second.log_size, second.zenml) == (1, "0.98.0")
    held = second.parts["database"].inventory
    assert held is not None
    assert held.tables["pipeline_run"].rows == ROWS
    stages = (folder_of(place) / second.parts["stages"].chunks[0].key).read_text()
    assert json.loads(stages) == [{"model": "m", "number": 1, "stage": "staging"}]
    assert stat.S_IMODE(folder_of(place).stat().st_mode) == 0o700
    assert not place.drafts.exists()
    (keys,) = second.parts["keys"].chunks
    assert (folder_of(place) / keys.key).read_bytes() == place.where.key.with_suffix(".pub").read_bytes()


def test_what_is_written_meanwhile_is_in_the_backup_whole_or_not_at_all(place: Place, store_file: Path) -> None:
    with closing(sqlite3.connect(store_file)) as writer:
        writer.execute("INSERT INTO pipeline_run VALUES ('c', 'half')")  # and no commit
        held = make_backup(place).manifest.parts["database"].inventory
        writer.commit()
    assert held is not None
    assert held.tables["pipeline_run"].rows == ROWS
    assert number_of_runs(store_file) == ROWS + 1


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def alter(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(cut_off, "is cut off or grew"), (alter, "was altered"), (Path.unlink, "is missing")],
    ids=["cut off", "altered", "missing"],
)
@pytest.mark.parametrize("part", ["database", "stages", "checkpoint", "keys"])
def test_a_spoilt_part_restores_nothing(
    place: Place, store_file: Path, part: str, spoil: Callable[[Path], None], said: str
) -> None:
    make_backup(place)
    manifest = make_backup(place).manifest
    file = folder_of(place) / manifest.parts[part].chunks[0].key
    file.chmod(0o600)
    spoil(file)
    with pytest.raises(BackupError, match=said) as refused:
        drill(place)
    assert "\n" not in str(refused.value)
    (recorded,) = events(place, "restore_drilled")
    assert recorded.outcome == "failed"  # type: ignore[attr-defined]
    store_file.unlink()
    with pytest.raises(BackupError, match=said):
        restore(place)
    assert not store_file.exists()
    assert not place.drafts.exists()


def test_an_altered_manifest_and_one_that_the_log_does_not_know_are_refused(place: Place) -> None:
    name = make_backup(place).manifest.backup
    folder = folder_of(place)
    forged = name[:-6] + "ffffff"
    shutil.copytree(folder / name, folder / forged)
    held = (folder / name / "manifest.json").read_text()
    (folder / forged / "manifest.json").chmod(0o600)
    (folder / forged / "manifest.json").write_text(held.replace(name, forged))
    with pytest.raises(BackupError, match=f"knows no backup {forged}, so nothing vouches for it"):
        drill(place, forged)
    (folder / name / "manifest.json").chmod(0o600)
    (folder / name / "manifest.json").write_text(held.replace('"rows":50', '"rows":51'))
    for act in (drill, restore):
        with pytest.raises(BackupError, match="it was altered"):
            act(place, name)  # type: ignore[operator]
    (folder / name / "manifest.json").write_text("{")
    with pytest.raises(BackupError, match="is damaged"):
        drill(place)
    (folder / name / "manifest.json").unlink()
    with pytest.raises(BackupError, match="is gone from"):
        drill(place)


def test_another_environments_backup_is_refused(place: Place, settings_directory: Path) -> None:
    staging = place_of(settings_directory, "staging")
    foreign = make_backup(staging).manifest.backup
    with pytest.raises(BackupError, match=r"knows no backup\. Make one: make backup ENV=dev"):
        drill(place)
    shutil.copytree(folder_of(staging) / foreign, folder_of(place) / foreign)
    with pytest.raises(BackupError, match=rf"{foreign} is of staging .*, not of dev"):
        restore(place, foreign)


def test_a_dump_of_a_newer_zenml_is_refused(place: Place, store_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_backup(place)
    with monkeypatch.context() as patch:
        patch.setattr(fetch, "version", lambda _: "0.97.0")
        with pytest.raises(BackupError, match=r"is of ZenML 0\.98\.0 .*, and 0\.97\.0 is installed here"):
            drill(place)
    store_file.unlink()
    store_file.parent.rmdir()
    make_database(store_file, revision="f00d00000000")
    make_backup(place)
    with pytest.raises(BackupError, match="schema f00d00000000"):
        drill(place)


def test_what_is_too_old_goes_on_record_and_nothing_younger_or_newest_does(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = clock.now()

    def on_day(day: int) -> Made:
        monkeypatch.setattr(clock, "now", lambda: today + timedelta(days=day))
        return make_backup(place)

    first, killed = on_day(0), folder_of(place) / f"dev-{today:%Y%m%dT%H%M%SZ}-000000"
    (killed / "database").mkdir(parents=True)
    (killed / "database" / "00000").write_bytes(b"half")
    (folder_of(place) / "notes.txt").write_text("somebody's")
    second = on_day(place.days - 1)
    assert second.deleted == ()
    third = on_day(place.days + 1)
    assert set(third.deleted) == {first.manifest.backup, killed.name}
    left = {path.name for path in folder_of(place).iterdir()} - {".drafts"}
    assert left == {second.manifest.backup, third.manifest.backup, "notes.txt"}
    (recorded,) = events(place, "backup_deleted")
    assert recorded.backup == first.manifest.backup  # type: ignore[attr-defined]
    with pytest.raises(BackupError, match="knows no backup"):
        drill(place, first.manifest.backup)
    monkeypatch.setattr(clock, "now", lambda: today + timedelta(days=10 * place.days))
    assert make.expired(place, Records(place), place.store()) == [second.manifest.backup], "the newest one stays"


def test_what_the_store_does_not_give_up_is_told_and_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    first, today = make_backup(place).manifest.backup, clock.now()
    monkeypatch.setattr(clock, "now", lambda: today + timedelta(days=place.days + 1))

    def locked(self: BackupFolder, key: str) -> None:
        raise StoreError(f"{key} is locked")

    with monkeypatch.context() as patch:
        patch.setattr(BackupFolder, "delete", locked)
        assert make_backup(place).kept[0].startswith(f"{first}: ")
    assert make_backup(place).deleted == (first,)
    assert len(events(place, "backup_deleted")) == 1


@pytest.mark.parametrize("at", range(1, 6))
def test_a_backup_that_is_cut_off_is_known_to_nobody_and_the_next_is_whole(
    place: Place, store_file: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    make_backup(place)
    written, create = [], BackupFolder.create_if_absent

    def dying(self: BackupFolder, item: Object) -> bool:
        if len(written) == at - 1:
            raise StoreError("the disk is full")
        written.append(item.key)
        return create(self, item)

    with monkeypatch.context() as patch:
        patch.setattr(BackupFolder, "create_if_absent", dying)
        with pytest.raises(StoreError, match="the disk is full"):
            make_backup(place)
    assert len(events(place, "backup_made")) == 1
    place.drafts.mkdir()
    (place.drafts / "database.gz").write_bytes(b"of somebody who was killed")
    name = make_backup(place).manifest.backup
    store_file.unlink()
    assert restore(place).manifest.backup == name
    assert number_of_runs(store_file) == ROWS


def test_two_do_not_back_up_at_once(place: Place) -> None:
    with (
        environment_lock(place.where.environment, "local", "backup"),
        pytest.raises(BackupError, match="Another backup or restore of dev is at work"),
        at_work(place),
    ):
        pass


def test_restoring_replaces_only_what_it_is_told_to_and_saves_that_first(place: Place, store_file: Path) -> None:
    old = make_backup(place).manifest.backup
    with closing(sqlite3.connect(store_file)) as database, database:
        database.execute("INSERT INTO pipeline_run VALUES ('c', 'later')")
    with pytest.raises(BackupError, match=r"holds data\. OVERWRITE=1 backs that up"):
        restore(place, old)
    assert restore(place, old, overwrite=True, dry_run=True).replaced == (str(store_file),)
    assert number_of_runs(store_file) == ROWS + 1
    done = restore(place, old, overwrite=True)
    assert number_of_runs(store_file) == ROWS
    assert done.saved_as is not None
    restore(place, done.saved_as, overwrite=True, unsaved=True)
    assert number_of_runs(store_file) == ROWS + 1
    recorded = [(event.backup, event.saved_as) for event in events(place, "backup_restored")]  # type: ignore[attr-defined]
    assert recorded == [(old, done.saved_as), (done.saved_as, None)]


def test_nothing_is_restored_under_a_server_that_runs(place: Place, store_file: Path) -> None:
    home = Home.of(place.platform)
    home.folder.mkdir(parents=True)
    make_backup(place)
    home.keep((Service("zenml", "http://127.0.0.1:1", Process.of(os.getpid())),))
    with pytest.raises(BackupError, match=r"zenml runs at .* make server-stop"):
        restore(place, overwrite=True)


def test_the_servers_database_goes_before_the_stores(place: Place, store_file: Path, tmp_path: Path) -> None:
    home = Home.of(place.platform)
    make_database(home.sqlite, rows=3)
    manifest = make_backup(place).manifest
    assert manifest.holder == "server"
    shutil.rmtree(home.folder)
    restore(place)
    assert number_of_runs(home.sqlite) == 3
    assert number_of_runs(store_file) == ROWS


def test_a_backup_holds_no_key_of_secrets_and_is_not_restored_without_it(place: Place, store_file: Path) -> None:
    home = Home.of(place.platform)
    make_database(home.sqlite, rows=3)
    key, _ = keep_encrypted(home, None)
    made = make_backup(place).manifest
    assert made.secrets_key == fingerprint(key)
    for file in Path(place.store().place).rglob("*"):
        assert file.is_dir() or key.encode() not in file.read_bytes()
    shutil.rmtree(home.folder)
    refused = pytest.raises(
        BackupError, match=r"encrypted with a key that .*secrets\.key does not hold.*FORGET_SECRETS=1"
    )
    with refused:
        restore(place)
    home.folder.mkdir()
    home.secrets_key.write_text("f" * 64)
    with refused:
        restore(place)
    assert not home.sqlite.exists()
    home.secrets_key.write_text(f"{key}\n")
    restore(place)
    assert number_of_runs(home.sqlite) == 3
    home.secrets_key.unlink()
    restore(place, made.backup, overwrite=True, unsaved=True, forget_secrets=True)


def test_a_damaged_database_is_replaced_without_being_saved_only_if_that_is_said(
    place: Place, store_file: Path
) -> None:
    make_backup(place)
    store_file.write_bytes(b"no database at all, but as long as one ought to be")
    with pytest.raises(BackupError, match="cannot be"):
        restore(place, overwrite=True)
    restore(place, overwrite=True, unsaved=True)
    assert number_of_runs(store_file) == ROWS


def run(*arguments: str, settings: Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*arguments, "--env", "dev", "--settings", str(settings)])
    said = done.output if done.exception is None or isinstance(done.exception, SystemExit) else str(done.exception)
    return done.exit_code, said


def test_the_commands_say_what_they_did_and_would_do(
    place: Place, store_file: Path, settings_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, said = run("backup", "--dry-run", settings=settings_directory)
    assert (status, events(place, "backup_made")) == (0, [])
    assert "Would back up" in said
    assert "kept 14 days" in said
    status, said = run("backup", "--json", settings=settings_directory)
    assert (status, len(events(place, "backup_made"))) == (0, 1)
    name = json.loads(said)["backup"]
    store_file.unlink()
    status, said = run("restore", settings=settings_directory)
    assert status != 0
    assert "nobody is there to be asked" in said
    assert not store_file.exists()
    status, said = run("restore", "--yes", settings=settings_directory)
    assert status == 0
    assert f"Backup {name} " in said
    assert number_of_runs(store_file) == ROWS
    monkeypatch.setattr(drills, "_drilled", lambda *_: (("table x is missing",), ("later",), 1))
    status, said = run("restore-drill", settings=settings_directory)
    assert (status, "table x is missing" in said, "to be done again: later" in said) == (2, True, True)
    monkeypatch.setenv(BACKUPS, "ftp://somewhere")
    status, said = run("backup", settings=settings_directory)
    assert status == 1
    assert "ftp://somewhere can be no place of backups" in said
