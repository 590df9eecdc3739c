"""Dumping and restoring a database: a SQLite file by its own online copy, MySQL and MariaDB by their own programs."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import sqlite3
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar, Literal

from governance.backups.errors import BackupError
from governance.backups.inventory import (
    IDS,
    REVISION,
    USERS,
    VERSIONS,
    DumpReader,
    Inventory,
    Table,
    digest_of_ids,
    read_dump,
    staged,
)
from governance.server.database import Address

Format = Literal["sqlite", "mariadb"]
Watch = Callable[[int], None]
"""Told how many bytes were written so far."""

_LEVEL = 1
"""Of gzip: a dump of 75 MB takes a second, and a tenth of its size."""
_PIECE = 1 << 20
_TOLD_EVERY = 1 << 16
"""Bytes between two calls of whoever watches a dump."""
_SAID = 300
"""Characters of what a program says that an error repeats."""


class Database(ABC):
    """A database that can be dumped, restored into and counted."""

    format: ClassVar[Format]
    """Of its dumps; only a database of the same kind takes them."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it is, for messages."""

    @property
    @abstractmethod
    def url(self) -> str:
        """The address, as ZenML reads it; it may hold a password."""

    @abstractmethod
    def exists(self) -> bool:
        """Return whether there is anything to dump."""

    @abstractmethod
    def dump(self, file: Path, watch: Watch) -> Inventory:
        """Write all of it, as it is at one moment, to ``file`` (gzip), and return what that holds.

        Raises:
            BackupError: it is not there, does not answer, or went away meanwhile.
        """

    @abstractmethod
    def restore(self, file: Path) -> None:
        """Replace all that it holds by the dump in ``file`` (gzip).

        Raises:
            BackupError: it does not answer, or does not take the dump.
        """

    @abstractmethod
    def inventory(self) -> Inventory:
        """Return what it holds now.

        Raises:
            BackupError: it does not answer.
        """

    @abstractmethod
    def administrator(self) -> str | None:
        """Return the id of an account that may do everything, if it is ZenML's database and has one."""


class SqliteDatabase(Database):
    """A SQLite file."""

    format = "sqlite"

    def __init__(self, file: Path) -> None:
        self.file = file

    @property
    def place(self) -> str:
        """The file."""
        return str(self.file)

    @property
    def url(self) -> str:
        """See :attr:`Database.url`."""
        return f"sqlite:///{self.file}"

    def exists(self) -> bool:
        """See :meth:`Database.exists`."""
        return self.file.is_file()

    def dump(self, file: Path, watch: Watch) -> Inventory:
        """See :meth:`Database.dump`. Whoever writes to it meanwhile waits for less than it takes to copy the file."""
        if not self.file.is_file():
            raise BackupError(f"There is no database at {self.place} to back up.")
        with tempfile.TemporaryDirectory(dir=file.parent) as folder:
            copy = Path(folder) / "copy"
            with self._errors("cannot be copied"), _sqlite(self.file) as source, _sqlite(copy, new=True) as target:
                source.backup(target)
            with copy.open("rb") as plain, gzip.open(file, "wb", _LEVEL) as packed:
                while piece := plain.read(_PIECE):
                    packed.write(piece)
                    watch(plain.tell())
            return SqliteDatabase(copy).inventory()

    def restore(self, file: Path) -> None:
        """See :meth:`Database.restore`. The file is exchanged whole."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_name(f".{self.file.name}.restored")
        with _unpacked(file) as plain, draft.open("wb") as output:
            shutil.copyfileobj(plain, output, _PIECE)
            output.flush()
            os.fsync(output.fileno())
        with self._errors("is damaged"), _sqlite(draft) as database:
            said = database.execute("PRAGMA integrity_check").fetchone()[0]
        if said != "ok":
            raise BackupError(f"The dump is no sound SQLite file: {said[:_SAID]}")
        for left in ("-wal", "-shm", "-journal"):  # they belong to the file that goes
            self.file.with_name(self.file.name + left).unlink(missing_ok=True)
        draft.replace(self.file)

    def inventory(self) -> Inventory:
        """See :meth:`Database.inventory`."""
        if not self.file.is_file():
            return Inventory(tables={})
        with self._errors("cannot be read"), _sqlite(self.file) as database:
            names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            columns = {
                name: {row[1] for row in database.execute(f"PRAGMA table_info(`{name}`)")}
                for name in names
                if not name.startswith("sqlite_")
            }
            return _counted(lambda query: database.execute(query).fetchall(), columns)

    def administrator(self) -> str | None:
        """See :meth:`Database.administrator`."""
        with self._errors("cannot be read"), _sqlite(self.file) as database:
            found = database.execute(_ADMINISTRATOR.format(USERS)).fetchone()
        return None if found is None else str(found[0])

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise BackupError(f"The database {self.place} {what}: {error}") from error


class MysqlDatabase(Database):
    """A database of MySQL or MariaDB, reached by MariaDB's own client programs.

    The password is in a file that only its owner reads, for as long as a program needs it: not among its arguments,
    which everybody on the machine sees.
    """

    format = "mariadb"

    def __init__(self, address: Address) -> None:
        self.address = address

    @property
    def place(self) -> str:
        """Host, port and name."""
        return self.address.place

    @property
    def url(self) -> str:
        """See :attr:`Database.url`."""
        return self.address.url

    def exists(self) -> bool:
        """See :meth:`Database.exists`."""
        return bool(self._rows(f"{_TABLES_OF} {_quoted(self.address.name)} LIMIT 1", _CATALOGUE))

    def dump(self, file: Path, watch: Watch) -> Inventory:
        """See :meth:`Database.dump`. Nobody who writes to it meanwhile waits."""
        reader, written = DumpReader(), 0
        options = (
            "--single-transaction",
            "--quick",
            "--complete-insert",
            "--hex-blob",
            "--no-tablespaces",
            "--no-autocommit",
            "--default-character-set=utf8mb4",
            "--max-allowed-packet=1G",
        )
        with (
            self._program("mariadb-dump", *options, self.address.name, stdout=subprocess.PIPE) as process,
            gzip.open(file, "wb", _LEVEL) as packed,
        ):
            assert process.stdout is not None
            for line in process.stdout:
                packed.write(line)
                reader.take(line)
                before, written = written, written + len(line)
                if before // _TOLD_EVERY < written // _TOLD_EVERY or not before:
                    watch(written)
        return reader.inventory()

    def restore(self, file: Path) -> None:
        """See :meth:`Database.restore`."""
        with _unpacked(file) as plain:
            read_dump(plain)  # so that a dump that is cut off replaces nothing
        self._make()
        self._drop_all()
        options = ("--max-allowed-packet=1G", "--default-character-set=utf8mb4", self.address.name)
        with _unpacked(file) as plain, self._program("mariadb", *options, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # it ended, and says why
                shutil.copyfileobj(plain, process.stdin, _PIECE)
                process.stdin.close()

    def inventory(self) -> Inventory:
        """See :meth:`Database.inventory`."""
        columns: dict[str, set[str]] = {}
        for table, column in self._rows(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = database()"
        ):
            columns.setdefault(table, set()).add(column)
        return _counted(self._rows, columns)

    def administrator(self) -> str | None:
        """See :meth:`Database.administrator`."""
        return next((row[0] for row in self._rows(_ADMINISTRATOR.format(USERS))), None)

    def _make(self) -> None:
        """Make the database where there is none; whoever may not is not asked to where there is one."""
        name = self.address.name
        if not self._rows(f"{_DATABASE} {_quoted(name)}", _CATALOGUE):
            self._rows(f"CREATE DATABASE `{name.replace('`', '``')}` CHARACTER SET utf8mb4", _CATALOGUE)

    def _drop_all(self) -> None:
        tables = [row[0] for row in self._rows(f"{_TABLES_OF} database()")]
        if tables:
            names = ", ".join(f"`{name}`" for name in tables)
            self._rows(f"SET foreign_key_checks = 0; DROP TABLE {names}")

    def _rows(self, query: str, database: str | None = None) -> list[tuple[str, ...]]:
        options = ("--batch", "--skip-column-names", database or self.address.name, "--execute", query)
        with self._program("mariadb", *options, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            said = process.stdout.read().decode()
        return [tuple(line.split("\t")) for line in said.splitlines()]

    @contextmanager
    def _program(
        self, name: str, *arguments: str, stdin: int | None = None, stdout: int | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        program = shutil.which(name)
        if program is None:
            raise BackupError(f"{name} is not on this machine: install MariaDB's client (mariadb-client).")
        with tempfile.TemporaryDirectory(prefix="groundwork-") as folder, tempfile.TemporaryFile() as said:
            file = Path(folder) / "client.cnf"
            file.touch(mode=0o600)
            file.write_text(self._client_options(), encoding="utf-8")
            process = subprocess.Popen(
                [program, f"--defaults-file={file}", *arguments],
                stdin=stdin or subprocess.DEVNULL,
                stdout=stdout or subprocess.DEVNULL,
                stderr=said,
            )
            try:
                yield process
            except BaseException:
                process.kill()
                raise
            finally:
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        with contextlib.suppress(BrokenPipeError):
                            pipe.close()
                process.wait()
            if process.returncode:
                said.seek(0)
                raise BackupError(
                    f"The database {self.place} did not answer {name} to the end: {_one_line(said)}. Nothing was "
                    "recorded; run the same command again once it does."
                )

    def _client_options(self) -> str:
        given = {
            "host": self.address.host,
            "port": str(self.address.port),
            "user": self.address.user,
            "password": self.address.password,
        }
        lines = [f'{name}="{_escaped(value)}"' for name, value in given.items()]
        encrypted = {name.replace("_", "-"): value for name, value in self.address.options.items()}
        lines += [f'{name}="{_escaped(value)}"' for name, value in encrypted.items()]
        return "\n".join(["[client]", *lines, ""])


_CATALOGUE = "information_schema"
"""A database that is always there."""
_TABLES_OF = "SELECT table_name FROM information_schema.tables WHERE table_schema ="
_DATABASE = "SELECT schema_name FROM information_schema.schemata WHERE schema_name ="
_ADMINISTRATOR = "SELECT id FROM `{}` WHERE is_admin = 1 AND active = 1 AND is_service_account = 0 ORDER BY created"


def _counted(select: Callable[[str], Sequence[tuple[Any, ...]]], columns: Mapping[str, set[str]]) -> Inventory:
    """Return what a database holds, by queries that every kind of it answers.

    Args:
        select: asks a query.
        columns: the names of each table's columns.
    """
    found: dict[str, Table] = {}
    for name, its in sorted(columns.items()):
        ids = [str(row[0]) for row in select(f"SELECT `{IDS}` FROM `{name}`")] if IDS in its else []  # noqa: S608
        rows = len(ids) if IDS in its else int(select(f"SELECT count(*) FROM `{name}`")[0][0])  # noqa: S608
        found[name] = Table(rows=rows, ids=digest_of_ids(ids) if ids else None)
    with_stage = f"SELECT model_id, number, stage FROM `{VERSIONS}` WHERE stage <> ''"  # noqa: S608
    versions = select(with_stage) if VERSIONS in found else ()
    revisions = select(f"SELECT version_num FROM `{REVISION}`") if REVISION in found else ()  # noqa: S608
    return Inventory(
        tables=found,
        stages=staged((row[0], row[1], row[2]) for row in versions),
        revision=str(revisions[0][0]) if revisions else None,
    )


@contextmanager
def _sqlite(file: Path, *, new: bool = False) -> Iterator[sqlite3.Connection]:
    """Open a SQLite file, which is made only where that is meant."""
    database = sqlite3.connect(f"{file.resolve().as_uri()}?mode={'rwc' if new else 'rw'}", uri=True, timeout=30)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _unpacked(file: Path) -> Iterator[IO[bytes]]:
    try:
        with gzip.open(file, "rb") as plain:
            yield plain  # type: ignore[misc]  # a GzipFile reads as one
    except (gzip.BadGzipFile, EOFError) as error:
        raise BackupError(f"The dump is cut off or damaged: {error}") from error


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _one_line(said: IO[bytes]) -> str:
    return " ".join(said.read().decode(errors="replace").split())[:_SAID] or "it said nothing"
