"""Bringing a later template to a team's scaffold, by `copier update`."""

from __future__ import annotations

from pathlib import Path

import yaml

from environments import CHECKOUT, Platform
from environments.git import GitError, run_git
from governance.teams.errors import TeamRefusedError
from governance.teams.scaffold import TEMPLATE, answers_file


def update(
    team: str, platform: Platform, *, to: str = "HEAD", dry_run: bool = False, checkout: Path = CHECKOUT
) -> list[str]:
    """Merge what changed in the template since the team's scaffold was made, or last updated, into its files.

    What the team changed stays; where both changed the same lines, copier leaves conflict markers, as git does.

    Args:
        team: Whose scaffold.
        platform: The settings.
        to: The commit or tag whose template is brought.
        dry_run: Change nothing.
        checkout: Where the scaffold is.

    Returns:
        The files that differ now, relative to the checkout; dry, the files of the template that have changed.

    Raises:
        TeamRefusedError: there is no such scaffold, it is not known which template it was made from, or the checkout
            has changes that are not committed.
    """
    answers = answers_file(team)
    if team not in platform.teams or not (checkout / answers).is_file():
        raise TeamRefusedError(f"{checkout / answers} does not exist: {team!r} is no team that `make team` made.")
    made_from = yaml.safe_load((checkout / answers).read_text(encoding="utf-8")).get("_commit")
    if not made_from:
        raise TeamRefusedError(
            f"{answers} names no commit, as the template was not committed when {team} was made. "
            "Set _commit to the commit whose template it was."
        )
    changes = _changes(checkout)
    if changes:
        raise TeamRefusedError(
            f"{checkout} has changes that are not committed ({', '.join(changes)}). Commit them first, so that what "
            "the update brings can be told from them."
        )
    # A commit by its hash: copier takes HEAD to mean the files as they lie there, which the update itself changes.
    commit = _git(checkout, "rev-parse", "--verify", f"{to}^{{commit}}").strip()
    template = [str(TEMPLATE.relative_to(CHECKOUT)), "copier.yml"]
    later = _git(checkout, "diff", "--name-only", made_from, commit, "--", *template).splitlines()
    if dry_run or not later:
        return later
    from copier import run_update
    from copier.errors import CopierError
    from plumbum import local

    with local.cwd(checkout):  # the answers name the template relative to it
        try:
            run_update(str(checkout), answers_file=answers, vcs_ref=commit, defaults=True, overwrite=True, quiet=True)
        except CopierError as error:
            raise TeamRefusedError(f"{team} cannot be updated: {error}") from error
    return _changes(checkout)


def _changes(checkout: Path) -> list[str]:
    return [line[3:] for line in _git(checkout, "status", "--porcelain", "--untracked-files=all").splitlines()]


def _git(checkout: Path, *arguments: str) -> str:
    try:
        return run_git(checkout, *arguments)
    except GitError as error:
        raise TeamRefusedError(f"An update merges by git, which says of {checkout}: {error.said}") from error
