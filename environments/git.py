"""The one way to call git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from environments.errors import ExpectedError

_ANOTHER_REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
"""Variables, as a hook gets them, that would make git speak of another repository than that of the folder."""


class GitError(ExpectedError):
    """git is missing, or refused a command; the message says what it said.

    Attributes:
        said: git's own message.
    """

    def __init__(self, folder: Path, command: str, said: str) -> None:
        self.said = said
        super().__init__(f"git {command} in {folder} failed: {said}")


def run_git(folder: Path, *arguments: str, stdin: str = "") -> str:
    """Run git in ``folder`` and return what it printed, byte for byte where that is no UTF-8 (surrogates).

    Args:
        folder: where git works, as with ``git -C``.
        arguments: the command and its options. Put ``--end-of-options`` before what a user named.
        stdin: what git reads.

    Raises:
        GitError: git is missing or ended with another status than 0.
    """
    # Optional locks off: a status that refreshes the index would contend with a commit made at the same time.
    environment = {name: value for name, value in os.environ.items() if name not in _ANOTHER_REPOSITORY}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            input=stdin.encode(errors="surrogateescape"),
            capture_output=True,
            check=False,
            env=environment,
        )
    except OSError as error:
        raise GitError(folder, arguments[0], str(error)) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
        raise GitError(folder, arguments[0], said)
    return done.stdout.decode(errors="surrogateescape")
