"""A PostgreSQL server of the tests' own: on a socket in a temporary folder, run by somebody who is not root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = "nobody"


def find_programs() -> Path | None:
    """Return the folder of ``initdb`` and ``pg_ctl``; None where no server is installed."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


class Server:
    """A running server that can be stopped and started again."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self.folder = programs, folder
        self.uri = f"postgresql:///postgres?host={folder}&user=owner"
        self._run("initdb", "-D", f"{folder}/data", "-U", "owner", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-o", options, "-l", f"{self.folder}/log", "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "-w", "stop")

    def execute(self, *statements: str) -> None:
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(self.uri, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to be run by root.
        other = ["runuser", "-u", NOBODY, "--"] if os.geteuid() == 0 else []
        subprocess.run([*other, self._programs / program, *arguments], check=True, capture_output=True, cwd="/")


@contextmanager
def run_server(programs: Path) -> Iterator[Server]:
    """Run a server until the block ends."""
    # Not pytest's folder: nobody else may enter that, and a socket's path is at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="groundwork-pg-") as name:
        if os.geteuid() == 0:
            os.chown(name, pwd.getpwnam(NOBODY).pw_uid, -1)
        server = Server(programs, Path(name))
        server.start()
        try:
            yield server
        finally:
            server.stop()
