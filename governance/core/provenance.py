"""What a run was made from: commit, lock file and who started it."""

from __future__ import annotations

import getpass
import logging
import os
import sys
from pathlib import Path

from environments import CHECKOUT
from environments.files import file_sha256
from environments.git import GitError, run_git
from environments.strict import StrictModel
from governance.core.digests import digest
from governance.core.errors import RefusedError

_logger = logging.getLogger(__name__)


class CommitUnknownError(RefusedError):
    """There is a repository, and git would not tell its commit or whether files differ from it."""


class UncommittedError(RefusedError):
    """Files differ from the commit that would be on record; the message names them."""


SETTINGS = ("*.yaml", "teams/*.yaml", "model_keys/*.pub")
"""The files of a folder of settings."""
_SHOWN = 5
"""Files that a refusal names."""
_OF_NO_EFFECT = ("docs/", "tests/", ".github/", ".idea/", ".vscode/")
"""Folders of a checkout that no command reads."""
_READ_BY_NOBODY = (".csv", ".html", ".ipynb", ".log", ".md", ".parquet", ".txt", ".zip")
"""Ends of names of files that, beside the folders of a checkout, no command reads unless it is told to."""


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


def git_state(checkout: Path = CHECKOUT, settings: Path | None = None) -> tuple[str, bool | None]:
    """Commit of ``checkout`` and whether anything differs from it; ``("unknown", None)`` outside git.

    That is tracked or new files of the checkout, and ``settings`` of which no commit knows, here or where they are.
    """
    try:
        commit = run_git(checkout, "rev-parse", "HEAD").strip()
        return commit, bool(_uncommitted(checkout, settings))
    except GitError:
        return "unknown", None


def _uncommitted(checkout: Path, settings: Path | None) -> list[str]:
    """Return the files of ``checkout`` and ``settings`` that differ from what is committed, or are in no commit."""
    found = _changed(checkout)
    if settings is None:
        return found
    outside = not settings.resolve().is_relative_to(checkout.resolve())
    files = {str(file.relative_to(settings)) for pattern in SETTINGS for file in settings.glob(pattern)}
    try:  # also what git was told to ignore
        unknown = files - set(run_git(settings, "ls-files", "-z").split("\0"))
        return [*found, *(_changed(settings) if outside else ()), *sorted(str(settings / name) for name in unknown)]
    except GitError:
        return [*found, f"{settings}, which is in no repository that git would read"]


def _changed(folder: Path) -> list[str]:
    """Return the tracked and new files below ``folder`` that differ from the last commit, as git names them."""
    said = run_git(folder, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal", "--", ".")
    return [line[3:] for line in said.split("\0") if line]


def _can_decide(file: str) -> bool:
    """Return whether what a run does could depend on ``file``, given as git names it."""
    return not file.startswith(_OF_NO_EFFECT) and ("/" in file or not file.endswith(_READ_BY_NOBODY))


def require_commit(environment: str, provenance: Provenance, *, guarded: bool, settings: Path | None = None) -> None:
    """Refuse to go on without a commit where there is a repository; where nothing is ``guarded`` warn of it.

    A checkout that is no repository, such as an unpacked archive, is on record as one without a commit.

    Args:
        environment: where something is to be done.
        provenance: what it would be made from.
        guarded: whether only what is committed decides there.
        settings: the folder of the settings at hand.

    Raises:
        CommitUnknownError: git would not tell the commit, or whether files differ from it.
        UncommittedError: files differ from it on which something could depend.
    """
    files = list(filter(_can_decide, _uncommitted(CHECKOUT, settings))) if provenance.git_dirty and guarded else []
    if files:
        more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
        raise UncommittedError(
            f"No commit holds {', '.join(files[:_SHOWN])}{more}. In {environment} nothing runs or is decided that "
            "nobody could look up: commit that, have it reviewed, or put it away (`git stash -u`)."
        )
    inside = any((folder / ".git").exists() for folder in (CHECKOUT, *CHECKOUT.parents))
    if provenance.git_dirty is not None or not inside:
        return
    try:
        run_git(CHECKOUT, "rev-parse", "HEAD")
        _changed(CHECKOUT)
        said = "it did a moment later"
    except GitError as error:
        said = " ".join(error.said.split())
    lacking = f"{CHECKOUT} is a git repository, and git does not tell its commit ({said})."
    if guarded:
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


def collect(settings: Path | None = None) -> Provenance:
    """Return the provenance of what is done now, from this checkout with the settings in the folder ``settings``."""
    commit, dirty = git_state(CHECKOUT, settings)
    return Provenance(git_commit=commit, git_dirty=dirty, lock_digest=lock_digest(), started_by=current_user())
