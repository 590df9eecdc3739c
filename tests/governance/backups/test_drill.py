"""The drill on real databases of ZenML's: a server starts on what was restored, and is compared with the log."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from zenml.client import Client

from environments import load_platform
from governance.backups.databases import MysqlDatabase, SqliteDatabase
from governance.backups.drill import drill
from governance.backups.errors import BackupError
from governance.backups.make import make_backup
from governance.backups.places import Place
from governance.backups.restore import restore
from governance.promotion.promote import promote
from governance.runs import jobs
from governance.server.database import DATABASE
from governance.server.mariadb import TemporaryMariaDb
from governance.server.start import start, stop
from governance.server.state import ADMINISTRATOR, Home
from tests.governance.backups.conftest import events, place_of
from tests.governance.conftest import CANCER, Ground
from tests.governance.promotion.conftest import in_use
from tests.governance.served import free_port


@pytest.mark.slow
def test_what_was_promoted_is_restored_and_what_was_done_past_the_log_is_found(ground: Ground) -> None:
    jobs.train(ground.target("dev"))
    jobs.train(ground.target("dev"))
    promote(ground.target("staging"), version="1")
    place = Place.of(ground.platform, "staging")
    manifest = make_backup(place).manifest
    assert "tracking-oncology" not in manifest.parts, "nothing was trained in staging"
    assert "tracking-oncology" in make_backup(Place.of(ground.platform, "dev")).manifest.parts
    promote(ground.target("staging"), version="2")

    done = drill(place)
    assert (done.findings, done.models) == ((), 1)
    assert len(done.later) == 2, "the promotion after the backup is to be done again"
    assert "the log says that version 2 is in use, and ZenML that version 1 is" in done.later[0]
    assert set(done.seconds) == {"fetch", "restore", "compare", "serve", "reconcile"}
    assert in_use(ground) == "2", "the drill touched nothing that is in use"
    (recorded,) = events(place, "restore_drilled")
    assert recorded.outcome == "restored"  # type: ignore[attr-defined]

    Client().get_model_version(CANCER, "1").set_stage("staging", force=True)
    make_backup(place)
    found = drill(place).findings
    assert "the stage was set past promotion" in " ".join(found)
    assert events(place, "restore_drilled")[-1].outcome == "failed"  # type: ignore[attr-defined]


@pytest.mark.slow
def test_on_mariadb_what_is_cut_off_leaves_nothing_and_what_is_whole_is_restored(
    settings_directory: Path, mariadb: TemporaryMariaDb, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    platform = load_platform(settings_directory)
    place, home = place_of(settings_directory, "dev"), Home.of(platform)
    monkeypatch.setenv(DATABASE, mariadb.address.url)
    try:
        url = start(platform, port=free_port(), database=mariadb.address, pages={})[0].url
        _make_models(home, url, 20)
        database = MysqlDatabase(mariadb.address)
        held = database.inventory()
        first = make_backup(place).manifest
        assert list(held.differences(first.parts["database"].inventory or held)) == [], "counted from the dump itself"
        assert (first.parts["database"].format, held.tables["model"].rows) == ("mariadb", 20)
        with pytest.raises(BackupError, match="did not answer mariadb-dump to the end") as refused:
            database.dump(tmp_path / "dump.gz", _once(mariadb.kill))
        assert mariadb.address.password not in str(refused.value)
        with pytest.raises(BackupError, match="did not answer mariadb"):
            make_backup(place)
        assert len(events(place, "backup_made")) == 1
        mariadb.start()
        second = make_backup(place).manifest

        done = drill(place)
        assert (done.findings, done.manifest, done.models) == ((), second, 0)
        home.secrets_key.rename(tmp_path / "kept elsewhere")
        assert "the values of bucket are encrypted with a key that is not in" in " ".join(drill(place).findings)
        (tmp_path / "kept elsewhere").rename(home.secrets_key)
    finally:
        stop(platform)
    with pytest.raises(BackupError, match="OVERWRITE=1"):
        restore(place)
    restored = restore(place, first.backup, overwrite=True)
    assert list(database.inventory().differences(held)) == []
    assert restored.saved_as is not None
    with gzip.open(tmp_path / "half.gz", "wb") as half:
        half.write(b"CREATE TABLE `model` (")
    with pytest.raises(BackupError, match="its last line is missing"):
        database.restore(tmp_path / "half.gz")
    assert list(database.inventory().differences(held)) == [], "what is cut off replaces nothing"
    monkeypatch.delenv(DATABASE)
    home.database.unlink()
    with pytest.raises(BackupError, match="in the format mariadb"):
        restore(place, first.backup)
    assert isinstance(place.database("server"), SqliteDatabase)


def _once(act: Callable[[], None]) -> Callable[[int], None]:
    done: list[int] = []

    def watch(written: int) -> None:
        if not done:
            done.append(written)
            act()

    return watch


def _make_models(home: Home, url: str, number: int) -> None:
    form = {"username": ADMINISTRATOR, "password": home.password.read_text().split("password: ")[1].strip()}
    token = requests.post(f"{url}/api/v1/login", data=form, timeout=30).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    project = requests.get(f"{url}/api/v1/projects/default", headers=headers, timeout=30).json()["id"]
    secret = {"name": "bucket", "private": False, "values": {"token": "hidden"}}
    assert requests.post(f"{url}/api/v1/secrets", json=secret, headers=headers, timeout=30).ok
    for one in range(number):
        body = {"name": f"model-{one}", "project": project, "description": json.dumps(["it's (1,2);\n", "\\", "é"])}
        answer = requests.post(f"{url}/api/v1/models", json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
