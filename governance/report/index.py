"""The list of all teams' models and the reports there are of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from environments import ORDER, Platform
from environments.strict import StrictModel
from governance.core import clock
from governance.rendering.numbers import count
from governance.report.data import ReportData
from governance.report.render import PAGES
from governance.report.wording import headline, predicted


class Entry(StrictModel):
    """What the index shows of one report; kept beside it as JSON."""

    file: str
    team: str
    model: str
    description: str
    environment: str
    version: str
    passed: bool | None
    verdict: str
    scored: str
    written: AwareDatetime


@dataclass(frozen=True)
class ModelReports:
    """Reports of one model: the newest of each environment, and those before."""

    name: str
    newest: tuple[Entry, ...]
    earlier: tuple[Entry, ...]


@dataclass(frozen=True)
class TeamModels:
    """A team's models."""

    name: str
    owners: tuple[str, ...]
    models: tuple[ModelReports, ...]


def describe(data: ReportData) -> Entry:
    """Describe the report of ``data`` as an entry of the index."""
    subject, head, made = data.subject, headline(data), data.predictions
    return Entry(
        file=f"{subject.model}-{subject.environment}-{subject.version}.html",
        team=subject.team,
        model=subject.model,
        description=subject.description,
        environment=subject.environment,
        version=subject.version,
        passed=head.passed,
        verdict=head.text,
        scored="nothing yet" if made is None else f"{count(made.rows)} rows, {predicted(data)}",
        written=data.written,
    )


def entry_file(entry: Entry) -> str:
    """Name of the JSON file that keeps ``entry``."""
    return Path(entry.file).with_suffix(".json").name


def render_index(platform: Platform, folder: Path) -> str:
    """Render the index of the reports in ``folder``, with every team of ``platform``."""
    entries = _read(folder)
    return PAGES.fill(
        "index.html",
        written=clock.now(),
        teams=[
            TeamModels(
                name=team.team,
                owners=team.owners,
                models=tuple(_reports(model, [e for e in entries if e.model == model]) for model in team.models),
            )
            for team in platform.teams.values()
        ],
    )


def _read(folder: Path) -> list[Entry]:
    """Read entries of the reports in ``folder`` that are still there, the newest first."""
    entries = []
    for file in folder.glob("*.json"):
        try:
            entry = Entry.model_validate_json(file.read_text(encoding="utf-8"))
        except ValidationError:
            continue  # another program's file, or one of an earlier release of this; `make report` writes it anew
        if (folder / entry.file).is_file():
            entries.append(entry)
    return sorted(entries, key=lambda entry: entry.written, reverse=True)


def _reports(model: str, entries: list[Entry]) -> ModelReports:
    newest: dict[str, Entry] = {}
    for entry in entries:
        newest.setdefault(entry.environment, entry)
    return ModelReports(
        name=model,
        newest=tuple(sorted(newest.values(), key=_towards_production, reverse=True)),
        earlier=tuple(entry for entry in entries if newest[entry.environment] is not entry),
    )


def _towards_production(entry: Entry) -> tuple[int, str]:
    place = ORDER.index(entry.environment) if entry.environment in ORDER else -1
    return place, entry.environment
