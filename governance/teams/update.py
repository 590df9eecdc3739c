"""Bringing a later template to a team's scaffold, by `copier update`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from environments import CHECKOUT, Platform
from governance.teams.errors import TeamRefused
from governance.teams.scaffold import answers_file


def update(
    team: str, platform: Platform, *, to: str = "HEAD", dry_run: bool = False, checkout: Path = CHECKOUT
) -> list[str]:
    """Merge what changed in the template since the team's scaffold was made, or last updated, into its files.

    What the team changed stays; where both changed the same lines, copier leaves conflict markers, as git does.

    Args:
        team: Whose scaffold.
        platform: The settings.
        to: The commit or tag whose template is brought.
        dry_run: Only say which files would change.
        checkout: Where the scaffold is.

    Returns:
        The files that differ now, relative to the checkout.

    Raises:
        TeamRefused: there is no such scaffold, it is not known which template it was made from, or the checkout
            has changes that are not committed.
    """
    answers = answers_file(team)
    if team not in platform.teams or not (checkout / answers).is_file():
        raise TeamRefused(f"{checkout / answers} does not exist: {team!r} is no team that `make team` made.")
    if not yaml.safe_load((checkout / answers).read_text(encoding="utf-8")).get("_commit"):
        raise TeamRefused(
            f"{answers} names no commit, as the template was not committed when {team} was made. "
            "Set _commit to the commit whose template it was."
        )
    changes = _changes(checkout)
    if changes:
        raise TeamRefused(
            f"{checkout} has changes that are not committed ({', '.join(changes)}). Commit them first, so that what "
            "the update brings can be told from them."
        )
    from copier import run_update
    from copier.errors import CopierError
    from plumbum import local

    with local.cwd(checkout):  # the answers name the template relative to it
        try:
            run_update(
                str(checkout),
                answers_file=answers,
                vcs_ref=to,
                defaults=True,
                overwrite=True,
                quiet=True,
                pretend=dry_run,
            )
        except CopierError as error:
            raise TeamRefused(f"{team} cannot be updated: {error}") from error
    return _changes(checkout)


def _changes(checkout: Path) -> list[str]:
    done = subprocess.run(
        ["git", "-C", str(checkout), "status", "--porcelain", "--untracked-files=all"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise TeamRefused(f"{checkout} is no git repository, and an update merges by git: {done.stderr.strip()}")
    return [line[3:] for line in done.stdout.splitlines()]
