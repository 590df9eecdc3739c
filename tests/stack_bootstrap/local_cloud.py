"""What tests of the local cloud share: a workspace, its folders, and the command line as a user runs it."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from environments import load_platform
from stack_bootstrap.infrastructure import apply
from stack_bootstrap.local_state import MARKER
from stack_bootstrap.terraform import Terraform
from stack_bootstrap.workspace import Workspace, workspace
from tests.conftest import REPOSITORY, copy_settings

KINDS = ("artifacts", "audit", "data", "mlflow", "registry")


def local_workspace(settings: Path, environment: str = "dev") -> Workspace:
    """The workspace of ``environment`` on the local cloud, read from ``settings`` as it is now."""
    return workspace(load_platform(settings), environment, "local")


def folder(where: Workspace, team: str, kind: str) -> Path:
    """One of a team's folders."""
    assert where.ground is not None
    return where.ground / "environments" / where.environment / team / kind


def marked_folders(where: Workspace) -> set[str]:
    """``<team>/<kind>`` of every folder that carries Terraform's marker."""
    assert where.ground is not None
    top = where.ground / "environments" / where.environment
    return {str(marker.parent.relative_to(top)) for marker in top.glob(f"*/*/{MARKER}")}


@contextmanager
def state_held(state_file: Path) -> Iterator[None]:
    """Another process holds Terraform's lock on ``state_file``."""
    take = "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True)"
    command = [sys.executable, "-c", f"{take}; input()", str(state_file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.communicate("\n")


def bootstrap(
    *arguments: str, settings: Path, python: tuple[str, ...] = (), variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """``python -m stack_bootstrap`` in a process of its own."""
    return subprocess.run(
        [sys.executable, *python, "-m", "stack_bootstrap", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "GROUNDWORK_ENVIRONMENTS": str(settings), **(variables or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def on_a_terminal(answer: str | None, *arguments: str, settings: Path) -> tuple[int, str]:
    """Exit status and output of ``python -m stack_bootstrap`` on a terminal where ``answer`` is typed when asked."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(REPOSITORY)
        os.environ["GROUNDWORK_ENVIRONMENTS"] = str(settings)
        os.execv(sys.executable, [sys.executable, "-m", "stack_bootstrap", *arguments])
    said, typed = b"", False
    # A terminal whose other end is closed is an error on Linux and an empty read elsewhere.
    with contextlib.suppress(OSError):
        while chunk := os.read(terminal, 4096):
            said += chunk
            if answer is not None and not typed and said.rstrip().endswith(b"[y/N]:"):
                os.write(terminal, f"{answer}\n".encode())
                typed = True
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.decode()


@cache
def _applied_once(environment: str) -> tuple[TemporaryDirectory[str], Workspace]:
    """An environment of the committed settings, applied once for all tests of this process, to copy from."""
    folder = TemporaryDirectory(prefix="groundwork-applied-")
    where = local_workspace(copy_settings(Path(folder.name)), environment)
    apply(where)
    return folder, where


def apply_copied(where: Workspace) -> None:
    """Bring ``where``, of unchanged settings and not applied yet, to what ``apply`` makes of it, without Terraform."""
    _, made = _applied_once(where.environment)
    assert where.ground is not None
    assert made.ground is not None
    for file in made.settings.rglob("*.yaml"):
        told = file.read_text(encoding="utf-8").replace(str(made.ground), str(where.ground))
        assert (where.settings / file.relative_to(made.settings)).read_text(encoding="utf-8") == told
    shutil.copytree(made.ground, where.ground, dirs_exist_ok=True)
    there, here = (str(ground.parent).encode() for ground in (made.ground, where.ground))
    for file in where.home.rglob("*"):
        if file.is_file() and there in (held := file.read_bytes()):
            file.write_bytes(held.replace(there, here))
    (where.home / "initialised").write_text(Terraform(where)._fingerprint(), encoding="utf-8")
