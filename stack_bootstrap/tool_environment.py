"""Python programs that need packages at odds with ours: each gets an environment of its own, from a hash lock."""

from __future__ import annotations

import fcntl
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from environments.errors import ExpectedError
from environments.files import sha256_hex


class ToolEnvironmentError(ExpectedError):
    """An environment could not be made; the message says why."""


def tool_environment(name: str, lock: Path, tools: Path) -> Path:
    """Return the folder of the environment that holds exactly the packages of ``lock``, made when not there yet.

    Args:
        name: what the environment is for; part of its folder's name.
        lock: requirements with hashes.
        tools: folder of all such environments.

    Raises:
        ToolEnvironmentError: uv is missing or could not install the packages.
    """
    digest = sha256_hex(lock.read_bytes() + platform.python_version().encode())[:12]
    home = tools / f"{name}-{digest}"
    stamp = home / ".complete"
    if stamp.exists():
        return home
    tools.mkdir(parents=True, exist_ok=True)
    with _locked(tools / f"{name}-{digest}.lock"):
        if stamp.exists():
            return home
        python = str(home / "bin" / "python")
        install = ["pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode", "--python", python, str(lock)]
        for command in (["venv", "--quiet", "--clear", "--python", sys.executable, str(home)], install):
            done = subprocess.run([str(_uv(name)), *command], capture_output=True, text=True, check=False)
            if done.returncode:
                raise ToolEnvironmentError(f"The packages of {name} could not be installed:\n{done.stderr.strip()}")
        stamp.touch()
    return home


def _uv(name: str) -> Path:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        raise ToolEnvironmentError(f"uv is needed to install the packages of {name}: run 'make setup'.")
    return Path(found)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold ``file`` so that two processes do not build the same environment at once."""
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
