"""A team's starting point: rendered by copier in a folder aside, then put into the checkout whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import yaml

from environments import CHECKOUT
from environments.files import replace_file
from environments.git import GitError, run_git
from governance.teams import sample_data
from governance.teams.errors import TeamRefusedError
from governance.teams.request import NewTeam, package_of

TEMPLATE: Final = CHECKOUT / "governance" / "teams" / "template"
ANSWERS: Final = ".copier-answers.yml"
SOURCE: Final = "."
"""Where `copier update` finds the template: in the repository of the checkout it is run in."""


def answers_file(team: str) -> Path:
    """Return the file, relative to the checkout, of the answers that the scaffold of ``team`` was made with."""
    return Path("pipelines") / "teams" / package_of(team) / ANSWERS


def parts(team: str, models: tuple[str, ...]) -> list[Path]:
    """List the files and folders of a team's scaffold, relative to the checkout, as they are moved: each whole."""
    package = package_of(team)
    configs = [Path("pipelines") / "configs" / f"{model}.yaml" for model in models]
    return [Path("pipelines") / "teams" / package, Path("tests") / "teams" / package, *configs]


@contextmanager
def rendered(request: NewTeam, checkout: Path = CHECKOUT) -> Iterator[Path]:
    """Render the scaffold of ``request`` into a temporary folder, which is removed afterwards.

    Raises:
        TeamRefusedError: the template is broken.
    """
    from copier import run_copy
    from copier.errors import CopierError
    from jinja2 import TemplateError

    # Inside the checkout, so that moving it into place is a rename.
    aside = checkout / ".groundwork" / "teams"
    aside.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=aside, prefix="scaffold-") as folder:
        staging = Path(folder)
        try:
            run_copy(
                str(TEMPLATE),
                staging,
                data={"team": request.name, "models": list(request.all_models()), "data_format": request.data_format},
                answers_file=answers_file(request.name),
                defaults=True,
                quiet=True,
            )
        except (CopierError, TemplateError) as error:
            raise TeamRefusedError(f"{TEMPLATE} cannot be rendered; nothing was written: {error}") from error
        for model in request.all_models():
            data = Path("pipelines") / "teams" / request.package / "data"
            sample_data.write(model, staging / data / f"{model}_synthetic.{request.data_format}")
        _record_origin(staging / answers_file(request.name), checkout)
        yield staging


def _record_origin(answers: Path, checkout: Path) -> None:
    """Make the answers name this repository and its commit, from which `copier update` starts."""
    text = answers.read_text(encoding="utf-8")
    comment = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    given: dict[str, Any] = yaml.safe_load(text)
    commit = template_commit(checkout)
    origin = {**({"_commit": commit} if commit else {}), "_src_path": SOURCE}
    kept = {key: value for key, value in given.items() if not key.startswith("_")}
    answers.write_text(comment + yaml.safe_dump({**origin, **kept}, sort_keys=False), encoding="utf-8")


def template_commit(checkout: Path = CHECKOUT) -> str | None:
    """Return the commit that holds the template in use; None outside git or when the template has changed since."""
    template = str(TEMPLATE.relative_to(CHECKOUT))
    try:
        top = Path(run_git(checkout, "rev-parse", "--show-toplevel").strip())
        changed = run_git(checkout, "status", "--porcelain", "--", template, "copier.yml")
        head = run_git(checkout, "rev-parse", "HEAD").strip()
    except GitError:
        return None
    return head if top.resolve() == checkout.resolve() and not changed else None


def place(staging: Path, team: str, models: tuple[str, ...], team_file: Path, text: str, checkout: Path) -> None:
    """Move the scaffold in ``staging`` into the checkout, and write the team's file last.

    A failure or an interrupt takes back what was moved. A kill leaves a note, by which the next command does so.

    Raises:
        TeamRefusedError: something of that name is there already; nothing was written.
    """
    moving = parts(team, models)
    there = [str(path) for path in [*(checkout / part for part in moving), team_file] if path.exists()]
    if there:
        raise TeamRefusedError(f"{', '.join(there)} exists already, and is not overwritten. Nothing was written.")
    note = _note(checkout, team)
    replace_file(note, json.dumps({"team_file": str(team_file), "parts": [str(part) for part in moving]}))
    try:
        for part in moving:
            target = checkout / part
            target.parent.mkdir(parents=True, exist_ok=True)
            (staging / part).rename(target)
        replace_file(team_file, text)
    except BaseException:
        take_back(checkout)
        raise
    note.unlink()


def take_back(checkout: Path = CHECKOUT) -> list[str]:
    """Remove what a killed `make team` left of a scaffold. Returns the teams it was of."""
    from shutil import rmtree

    undone = []
    for note in sorted((checkout / ".groundwork" / "teams").glob("*.placing.json")):
        noted: Mapping[str, Any] = json.loads(note.read_text(encoding="utf-8"))
        team_file = Path(noted["team_file"])
        if not team_file.exists():  # else it was complete but for the note
            for part in (checkout / part for part in noted["parts"]):
                if part.is_dir():
                    rmtree(part)
                else:
                    part.unlink(missing_ok=True)
            for unfinished in team_file.parent.glob(f".{team_file.name}.*"):
                unfinished.unlink()
            undone.append(team_file.stem)
        note.unlink()
    return undone


def _note(checkout: Path, team: str) -> Path:
    return checkout / ".groundwork" / "teams" / f"{team}.placing.json"
