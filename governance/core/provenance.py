"""What a run was made from: commit, lock file and who started it."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from environments import CHECKOUT
from environments.files import file_sha256
from environments.git import GitError, run_git
from environments.strict import StrictModel
from governance.core.digests import digest


class Provenance(StrictModel):
    """Where the code of a run comes from."""

    git_commit: str
    git_dirty: bool | None
    lock_digest: str
    started_by: str

    def in_log(self) -> dict[str, object]:
        """Return the fields of an audit event that say what it was made from."""
        return {
            "git_commit": self.git_commit if self.git_dirty is not None else None,
            "git_dirty": self.git_dirty,
            "lock_digest": digest(self.lock_digest),
        }


def git_state(checkout: Path = CHECKOUT) -> tuple[str, bool | None]:
    """Commit of ``checkout`` and whether tracked or new files differ from it; ``("unknown", None)`` outside git."""
    try:
        return run_git(checkout, "rev-parse", "HEAD").strip(), bool(run_git(checkout, "status", "--porcelain"))
    except GitError:
        return "unknown", None


def lock_digest(checkout: Path = CHECKOUT) -> str:
    """Return the SHA-256 of ``requirements.lock``, in hexadecimal."""
    return file_sha256(checkout / "requirements.lock")


def current_user() -> str:
    """Return the actor of a CI job, else the login name."""
    return os.environ.get("GITHUB_ACTOR") or getpass.getuser()


def collect() -> Provenance:
    """Return the provenance of a run started now, from this checkout."""
    commit, dirty = git_state()
    return Provenance(git_commit=commit, git_dirty=dirty, lock_digest=lock_digest(), started_by=current_user())
