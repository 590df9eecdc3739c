"""What a run was made from: commit, lock file and who started it."""

from __future__ import annotations

import getpass
import logging
import os
import sys
from pathlib import Path

from environments import CHECKOUT, ORDER
from environments.files import file_sha256
from environments.git import GitError, run_git
from environments.strict import StrictModel
from governance.core.digests import digest
from governance.core.errors import RefusedError

_logger = logging.getLogger(__name__)


class CommitUnknownError(RefusedError):
    """There is a repository, and git would not tell its commit or whether files differ from it."""


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
        return _ask_git(checkout)
    except GitError:
        return "unknown", None


def _ask_git(checkout: Path) -> tuple[str, bool]:
    return run_git(checkout, "rev-parse", "HEAD").strip(), bool(run_git(checkout, "status", "--porcelain"))


def require_commit(environment: str, provenance: Provenance) -> None:
    """Refuse to go on without a commit where there is a repository; in the first environment warn of it.

    A checkout that is no repository, such as an unpacked archive, is on record as one without a commit.

    Raises:
        CommitUnknownError: git would not tell the commit, or whether files differ from it.
    """
    inside = any((folder / ".git").exists() for folder in (CHECKOUT, *CHECKOUT.parents))
    if provenance.git_dirty is not None or not inside:
        return
    try:
        _ask_git(CHECKOUT)
        said = "it did a moment later"
    except GitError as error:
        said = " ".join(error.said.split())
    lacking = f"{CHECKOUT} is a git repository, and git does not tell its commit ({said})."
    if environment != ORDER[0]:
        raise CommitUnknownError(
            f"{lacking} In {environment} nothing runs or is promoted of which nobody could say what it was made from. "
            "Make git answer here: install it, or see that whoever runs this owns and may read the checkout "
            f"(`git config --global --add safe.directory {CHECKOUT}`)."
        )
    _logger.warning("%s What is made now is on record without a commit; no other environment would run it.", lacking)


def lock_of(place: str | None, checkout: Path = CHECKOUT) -> Path:
    """Return the lock of a place of work: ``locks/<place>.lock``, or ``requirements.lock`` where it has none."""
    own = checkout / "locks" / f"{place}.lock"
    return own if own.is_file() else checkout / "requirements.lock"


def installed_lock(environment: Path = Path(sys.prefix), checkout: Path = CHECKOUT) -> Path:
    """Return the lock that a virtual environment was installed from, as ``scripts/setup`` left it there."""
    stamp = environment / ".installed"
    written = Path(stamp.read_text(encoding="utf-8").strip()) if stamp.is_file() else Path()
    return lock_of(written.stem if written.parent.name == "locks" else None, checkout)


def lock_digest(checkout: Path = CHECKOUT) -> str:
    """Return the SHA-256 of the lock that this process's packages are from, in hexadecimal."""
    return file_sha256(installed_lock(checkout=checkout))


def current_user() -> str:
    """Return the actor of a CI job, else the login name."""
    return os.environ.get("GITHUB_ACTOR") or getpass.getuser()


def collect() -> Provenance:
    """Return the provenance of a run started now, from this checkout."""
    commit, dirty = git_state(CHECKOUT)
    return Provenance(git_commit=commit, git_dirty=dirty, lock_digest=lock_digest(), started_by=current_user())
