"""A later template reaches a team that was made from an earlier one, and what the team changed stays."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from governance.teams import scaffold
from governance.teams.create import create
from governance.teams.errors import TeamRefusedError
from governance.teams.update import update
from tests.conftest import REPOSITORY
from tests.governance.teams.conftest import FRAUD, Checkout

TRAINING = Path("pipelines/teams/fraud_detection/training.py")
README = Path("pipelines/teams/fraud_detection/README.md")


def git(folder: Path, *arguments: str) -> str:
    identity = {f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder: Path, message: str, tag: str | None = None) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    if tag:
        git(folder, "tag", tag)


@pytest.fixture
def earlier(checkout: Checkout) -> Checkout:
    """A repository whose template is tagged 1.0.0, with a team made from it."""
    shutil.copy(REPOSITORY / "copier.yml", checkout.folder)
    template = scaffold.TEMPLATE.relative_to(REPOSITORY)
    shutil.copytree(scaffold.TEMPLATE, checkout.folder / template)
    (checkout.folder / ".gitignore").write_text(".groundwork/\nground/\n", encoding="utf-8")
    git(checkout.folder, "init", "-q")
    commit(checkout.folder, "first", "1.0.0")
    added = create(FRAUD, checkout.platform, checkout=checkout.folder, plan=False)
    assert added.updatable
    commit(checkout.folder, "a team")
    return checkout


def release_a_later_template(folder: Path) -> None:
    team = folder / "governance/teams/template/project/pipelines/teams/{{ package }}"
    readme = team / "README.md.jinja"
    readme.write_text(readme.read_text(encoding="utf-8") + "\nNew advice for {{ team }}.\n", encoding="utf-8")
    (team / "monitoring.py.jinja").write_text('"""New for {{ team }}."""\n', encoding="utf-8")
    commit(folder, "a later template", "2.0.0")


def answers(checkout: Checkout) -> dict[str, str]:
    read: dict[str, str] = yaml.safe_load(
        (checkout.folder / scaffold.answers_file("fraud-detection")).read_text(encoding="utf-8")
    )
    return read


def test_the_answers_lead_back_to_the_template_and_to_nothing_of_this_machine(earlier: Checkout) -> None:
    known = answers(earlier)
    assert known["_commit"] == git(earlier.folder, "rev-parse", "1.0.0")
    assert known["_src_path"] == "."
    assert set(known) == {"_commit", "_src_path", "team", "models", "data_format"}


def test_a_later_template_comes_and_the_teams_own_work_stays(earlier: Checkout) -> None:
    own = earlier.folder / TRAINING
    own.write_text(own.read_text(encoding="utf-8") + "\n# the team's own line\n", encoding="utf-8")
    commit(earlier.folder, "the team's work")
    release_a_later_template(earlier.folder)
    head = git(earlier.folder, "rev-parse", "HEAD")
    announced = update("fraud-detection", earlier.platform, checkout=earlier.folder, dry_run=True)
    assert [Path(file).name for file in announced] == ["README.md.jinja", "monitoring.py.jinja"]
    assert git(earlier.folder, "status", "--porcelain") == ""
    changed = update("fraud-detection", earlier.platform, checkout=earlier.folder)
    folder = Path("pipelines/teams/fraud_detection")
    assert set(changed) == {str(README), str(folder / "monitoring.py"), str(folder / ".copier-answers.yml")}
    assert "New advice for fraud-detection." in (earlier.folder / README).read_text(encoding="utf-8")
    assert "# the team's own line" in own.read_text(encoding="utf-8")
    assert git(earlier.folder, "rev-parse", answers(earlier)["_commit"] + "^{commit}") == head
    assert answers(earlier)["_src_path"] == "."
    commit(earlier.folder, "updated")
    assert update("fraud-detection", earlier.platform, checkout=earlier.folder) == []


def test_an_update_needs_a_clean_checkout_and_a_team_of_ours(earlier: Checkout) -> None:
    with pytest.raises(TeamRefusedError, match="'oncology' is no team that `make team` made"):
        update("oncology", earlier.platform, checkout=earlier.folder)
    (earlier.folder / TRAINING).write_text("changed", encoding="utf-8")
    with pytest.raises(TeamRefusedError, match=r"not committed \(pipelines/teams/fraud_detection/training.py\)"):
        update("fraud-detection", earlier.platform, checkout=earlier.folder)


def test_a_team_made_outside_git_says_that_it_cannot_be_updated(checkout: Checkout) -> None:
    added = create(FRAUD, checkout.platform, checkout=checkout.folder, plan=False)
    assert not added.updatable
    with pytest.raises(TeamRefusedError, match="names no commit"):
        update("fraud-detection", checkout.platform, checkout=checkout.folder)
