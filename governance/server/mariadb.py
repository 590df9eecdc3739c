"""A MariaDB server of one's own for a while: a process of this user, in a temporary folder, on a free port."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from governance.server.database import Address
from governance.server.state import ServerError

HOST, NAME, USER = "127.0.0.1", "zenml", "zenml"
READY_SECONDS, END_SECONDS = 60, 20
_PROGRAMS = ("mariadbd", "mariadb-install-db")
_PLACES = "/usr/sbin:/usr/libexec:/opt/homebrew/bin:/usr/local/sbin"
"""Where packages put what is not on everybody's path."""
_QUICK = (  # what it holds need not survive a power cut
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=0",
    "--skip-log-bin",
    "--innodb-buffer-pool-size=256M",
    "--max-allowed-packet=1G",
)


def missing_programs() -> list[str]:
    """Return which of the programs that are needed are not on this machine."""
    return [name for name in _PROGRAMS if _find(name) is None]


@dataclass
class TemporaryMariaDb:
    """A server and the empty database in it."""

    folder: Path
    address: Address
    process: subprocess.Popen[bytes]

    def start(self) -> None:
        """Start it again, with what it holds, after :meth:`kill`."""
        self.process = _start(self.folder, self.address)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def temporary_mariadb(host: str = HOST) -> Iterator[TemporaryMariaDb]:
    """Run a server with an empty database until the block ends.

    Args:
        host: address that it listens at; at another than this machine's own, whoever has the password may come.

    Raises:
        ServerError: MariaDB is not installed here, or does not start.
    """
    if missing := missing_programs():
        raise ServerError(f"{' and '.join(missing)} are not on this machine: install MariaDB's server.")
    # A socket's path is at most 107 bytes, so not below a folder of the caller's.
    with tempfile.TemporaryDirectory(prefix="groundwork-mariadb-") as name:
        folder = Path(name)
        address = Address(host, _free_port(), NAME, USER, secrets.token_urlsafe(24))
        who = f"'{USER}'@'{HOST if host == HOST else '%'}'"
        _run(
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={folder / 'data'}",
            f"--user={_account()}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )
        first = folder / "first.sql"
        first.touch(mode=0o600)
        first.write_text(
            f"CREATE USER {who} IDENTIFIED BY '{address.password}';\n"
            f"GRANT ALL ON *.* TO {who};\nDROP USER 'root'@'localhost';\n"
            f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4;\n",
            encoding="utf-8",
        )
        server = TemporaryMariaDb(folder, address, _start(folder, address, f"--init-file={first}"))
        try:
            yield server
        finally:
            _end(server.process)


def _start(folder: Path, address: Address, *more: str) -> subprocess.Popen[bytes]:
    program = _find("mariadbd")
    assert program is not None
    log = folder / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [
                program,
                "--no-defaults",
                f"--user={_account()}",  # root must say that it means it
                f"--datadir={folder / 'data'}",
                f"--bind-address={address.host}",
                f"--port={address.port}",
                f"--socket={folder / 'socket'}",
                f"--pid-file={folder / 'pid'}",
                *_QUICK,
                *more,
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C in this terminal is for whoever uses it
        )
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if address.answers():
            return process
        time.sleep(0.1)
    _end(process)
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
    raise ServerError("MariaDB did not start. The end of its log says:\n" + "\n".join(said))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _run(program: str, *arguments: str) -> None:
    found = _find(program)
    assert found is not None
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServerError(f"{program} failed: {(done.stderr or done.stdout).strip()[-500:]}")


def _find(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path=_PLACES)


def _account() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
