"""What a database holds, in figures that can be compared: rows, ids and stages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import IO

from environments.strict import StrictModel
from governance.backups.errors import BackupError

IDS = "id"
VERSIONS, MODELS, REVISION, USERS = "model_version", "model", "alembic_version", "user"
_VERSION_COLUMNS = (IDS, "model_id", "number", "stage")


class StagedVersion(StrictModel):
    """A model version that has a stage."""

    model: str
    """Id of the model: names may change."""
    number: int
    stage: str


class Table(StrictModel):
    """What one table holds."""

    rows: int
    ids: str | None = None
    """SHA-256 of the sorted ids, where rows have one."""


class Inventory(StrictModel):
    """What a database holds."""

    tables: dict[str, Table]
    stages: tuple[StagedVersion, ...] = ()
    revision: str | None = None
    """Of ZenML's schema, where it is ZenML's database."""

    def differences(self, other: Inventory) -> Iterator[str]:
        """Yield in words what ``other`` does not hold as this does."""
        for name in sorted(self.tables.keys() | other.tables.keys()):
            mine, others = self.tables.get(name), other.tables.get(name)
            if mine is None or others is None:
                yield f"table {name} is {'missing' if others is None else 'more than was backed up'}"
            elif mine.rows != others.rows:
                yield f"table {name} has {others.rows} rows, not {mine.rows}"
            elif mine.ids != others.ids:
                yield f"table {name} has other ids"
        if self.stages != other.stages:
            yield "stages of model versions differ"
        if self.revision != other.revision:
            yield f"the schema is {other.revision}, not {self.revision}"


def digest_of_ids(ids: Iterable[str]) -> str:
    """Return the SHA-256, in hexadecimal, of ``ids`` in order, one a line."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def staged(rows: Iterable[tuple[str, str, str | None]]) -> tuple[StagedVersion, ...]:
    """Return, in order, those of ``rows`` (model's id, version number, stage) that have a stage."""
    found = [StagedVersion(model=model, number=int(number), stage=stage) for model, number, stage in rows if stage]
    return tuple(sorted(found, key=lambda version: (version.model, version.number)))


_CREATE = re.compile(rb"CREATE TABLE `([^`]+)`")
_INSERT = re.compile(rb"INSERT INTO `([^`]+)` \(([^)]+)\) VALUES ?")
_VALUE = re.compile(rb"'((?:[^'\\]|\\.)*)'|([^,()']+)")
COMPLETED = b"-- Dump completed"


class DumpReader:
    """Takes the inventory of a dump of ``mariadb-dump --complete-insert`` while its lines go by.

    That program writes each row on a line of its own, the first one after the statement, and line ends within values
    escaped. So what is counted is what
    the dump holds, at the one moment that its transaction saw.
    """

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._ids: dict[str, list[str]] = {}
        self._versions: list[tuple[str, str, str | None]] = []
        self._revision: str | None = None
        self._table = ""
        self._columns: dict[str, int] = {}
        self._last = 0
        self.completed = False

    def take(self, line: bytes) -> None:
        """Take the next line, with or without its end."""
        line = line.rstrip(b"\n")
        if self._table and line.startswith(b"("):
            self._row(line)
        elif created := _CREATE.match(line):
            self._rows.setdefault(created[1].decode(), 0)
        elif inserted := _INSERT.match(line):
            self._table = inserted[1].decode()
            names = [name.strip(b" `").decode() for name in inserted[2].split(b",")]
            wanted = {VERSIONS: _VERSION_COLUMNS, REVISION: ("version_num",)}.get(self._table, (IDS,))
            self._columns = {name: names.index(name) for name in wanted if name in names}
            self._last = max(self._columns.values(), default=-1)
            if first := line[inserted.end() :]:
                self._row(first)
        elif line.startswith(COMPLETED):
            self.completed = True

    def inventory(self) -> Inventory:
        """Return what the dump holds.

        Raises:
            BackupError: it is cut off.
        """
        if not self.completed:
            raise BackupError("The dump of the database is cut off: its last line is missing.")
        return Inventory(
            tables={
                name: Table(rows=rows, ids=digest_of_ids(self._ids[name]) if name in self._ids else None)
                for name, rows in sorted(self._rows.items())
            },
            stages=staged(self._versions),
            revision=self._revision,
        )

    def _row(self, line: bytes) -> None:
        self._rows[self._table] += 1
        if self._last >= 0:
            self._look_into(line)
        if line.endswith(b");"):
            self._table = ""

    def _look_into(self, line: bytes) -> None:
        values = []
        for found in _VALUE.finditer(line, 1):
            values.append(found[1] if found[1] is not None else found[2])
            if len(values) > self._last:
                break
        taken = {name: values[place].decode() for name, place in self._columns.items()}
        if IDS in taken:
            self._ids.setdefault(self._table, []).append(taken[IDS])
        if self._table == VERSIONS:
            stage = taken["stage"]
            self._versions.append((taken["model_id"], taken["number"], None if stage == "NULL" else stage))
        if self._table == REVISION:
            self._revision = taken["version_num"]


def read_dump(lines: IO[bytes]) -> Inventory:
    """Return the inventory of a whole dump.

    Raises:
        BackupError: it is cut off.
    """
    reader = DumpReader()
    for line in lines:
        reader.take(line)
    return reader.inventory()
