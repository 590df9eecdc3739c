"""An apply that is interrupted or killed, at the worst moment, is put right by the next one; in production too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack_bootstrap.infrastructure import apply, drift
from stack_bootstrap.workspace import Workspace
from tests.conftest import REPOSITORY
from tests.stack_bootstrap.local_cloud import local_workspace, marked_folders

FOLDERS = 15


@pytest.fixture
def production(settings_directory: Path) -> Workspace:
    return local_workspace(settings_directory, "production")


@pytest.fixture
def slow_apply(settings_directory: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """``apply`` of production in a process of its own, in the middle of making folders."""
    started = tmp_path / "started"
    shim = tmp_path / "bin" / "mkdir"
    shim.parent.mkdir()
    shim.write_text(f"#!/bin/sh\n/bin/mkdir -p '{started}'\nsleep 1\nexec /bin/mkdir \"$@\"\n", encoding="utf-8")
    shim.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "stack_bootstrap", "apply", "--env", "production"],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "GROUNDWORK_ENVIRONMENTS": str(settings_directory),
            "PATH": f"{shim.parent}:{os.environ['PATH']}",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in its background with this ignored, and that is handed down to here.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not started.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield process
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()


def terraform_of(process: subprocess.Popen[str]) -> int:
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True).stdout.split()
    assert len(found) == 1
    return int(found[0])


def is_whole_again(where: Workspace) -> bool:
    apply(where)
    return len(marked_folders(where)) == FOLDERS and not drift(where).differs


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_apply_lets_terraform_end_in_order(
    sent: signal.Signals, slow_apply: subprocess.Popen[str], production: Workspace
) -> None:
    terraform = terraform_of(slow_apply)
    slow_apply.send_signal(sent)
    _, said = slow_apply.communicate(timeout=60)
    assert slow_apply.returncode == 130
    assert "Interrupted." in said
    assert not Path(f"/proc/{terraform}").exists()
    assert len(marked_folders(production)) < FOLDERS
    assert is_whole_again(production)


def test_a_killed_terraform_is_an_error_that_the_next_apply_puts_right(
    slow_apply: subprocess.Popen[str], production: Workspace
) -> None:
    os.kill(terraform_of(slow_apply), signal.SIGKILL)
    _, said = slow_apply.communicate(timeout=60)
    assert slow_apply.returncode == 1
    assert "was ended by signal 9" in said
    assert is_whole_again(production)


def test_a_kill_of_everything_leaves_no_lock_behind(slow_apply: subprocess.Popen[str], production: Workspace) -> None:
    terraform = terraform_of(slow_apply)
    slow_apply.kill()
    os.kill(terraform, signal.SIGKILL)
    slow_apply.wait()
    assert production.state_file is not None
    assert production.state_file.with_name(".terraform.tfstate.lock.info").exists()
    assert is_whole_again(production)


def test_when_only_we_are_killed_terraform_finishes_and_the_next_apply_waits_for_it(
    slow_apply: subprocess.Popen[str], production: Workspace
) -> None:
    slow_apply.kill()
    slow_apply.wait()
    assert len(marked_folders(production)) < FOLDERS
    assert apply(production).changes.destructive == ()
    assert len(marked_folders(production)) == FOLDERS
    assert not drift(production).differs
