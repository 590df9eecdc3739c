"""What a dump holds is counted from the dump itself, and a password is nobody else's to see."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from governance.backups.databases import MysqlDatabase
from governance.backups.errors import BackupError
from governance.backups.inventory import Inventory, StagedVersion, Table, digest_of_ids, read_dump
from governance.server.database import Address

DUMP = rb"""-- MariaDB dump
DROP TABLE IF EXISTS `alembic_version`;
CREATE TABLE `alembic_version` (
  `version_num` varchar(32) NOT NULL,
);
INSERT INTO `alembic_version` (`version_num`) VALUES ('0.98.0');
CREATE TABLE `empty` (
CREATE TABLE `model_version` (
INSERT INTO `model_version` (`x`, `id`, `model_id`, `y`, `number`, `stage`) VALUES ('it\'s (;\n(','b2','m',NULL,2,NULL),
('\\','a1','m',0x00FF,1,'staging');
INSERT INTO `model_version` (`x`, `id`, `model_id`, `y`, `number`, `stage`) VALUES
('x','c3','k','',7,'production');
-- Dump completed on 2026-11-30
"""


def test_rows_ids_stages_and_schema_are_read_off_the_dump() -> None:
    held = read_dump(BytesIO(DUMP))
    assert held == Inventory(
        tables={
            "alembic_version": Table(rows=1),
            "empty": Table(rows=0),
            "model_version": Table(rows=3, ids=digest_of_ids(["a1", "b2", "c3"])),
        },
        stages=(
            StagedVersion(model="k", number=7, stage="production"),
            StagedVersion(model="m", number=1, stage="staging"),
        ),
        revision="0.98.0",
    )


def test_a_dump_without_its_last_line_is_cut_off() -> None:
    with pytest.raises(BackupError, match="its last line is missing"):
        read_dump(BytesIO(DUMP.rpartition(b"-- Dump")[0]))


def test_every_difference_is_named() -> None:
    before = Inventory(
        tables={"a": Table(rows=1), "b": Table(rows=2, ids="x"), "c": Table(rows=2, ids="x")},
        stages=(StagedVersion(model="m", number=1, stage="staging"),),
        revision="1",
    )
    after = Inventory(
        tables={"b": Table(rows=3, ids="x"), "c": Table(rows=2, ids="y"), "d": Table(rows=0)}, revision="2"
    )
    assert list(before.differences(before)) == []
    assert list(before.differences(after)) == [
        "table a is missing",
        "table b has 3 rows, not 2",
        "table c has other ids",
        "table d is more than was backed up",
        "stages of model versions differ",
        "the schema is 2, not 1",
    ]


def test_the_password_is_in_a_file_of_its_owners_and_in_no_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mariadb-dump"
    program.write_text(
        '#!/bin/sh\nfile=${1#--defaults-file=}\nstat -c %a "$file" > "$OUT/mode"\ncat "$file" > "$OUT/file"\n'
        'echo "$*" > "$OUT/arguments"\necho "Access denied" >&2\nexit 2\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("OUT", str(tmp_path))
    options = {"ssl": "true", "ssl_ca": "/ca.pem", "ssl_verify_server_cert": "true"}
    address = Address("db.example.com", 3307, "zenml", "somebody", 'hid"den\\', options)
    with pytest.raises(BackupError, match=r"db\.example\.com:3307/zenml did not answer .*: Access denied\.") as refused:
        MysqlDatabase(address).dump(tmp_path / "dump.gz", lambda _: None)
    assert "hid" not in str(refused.value)
    assert "hid" not in (tmp_path / "arguments").read_text()
    assert (tmp_path / "mode").read_text().strip() == "600"
    lines = (tmp_path / "file").read_text().splitlines()
    assert {'password="hid\\"den\\\\"', 'port="3307"', 'ssl-ca="/ca.pem"', 'ssl-verify-server-cert="true"'} <= set(
        lines
    )
    file = (tmp_path / "arguments").read_text().split()[0].removeprefix("--defaults-file=")
    assert not Path(file).exists(), "it is gone with the program"


def test_a_missing_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BackupError, match=r"mariadb is not on this machine: install MariaDB's client"):
        MysqlDatabase(Address("h", 1, "n", "u", "p")).exists()
