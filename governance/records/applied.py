"""What was last applied to an environment: kept whole when it is, and believed as far as the log names its digests.

A checkout's files may have moved on since, or be somebody's own. Whatever is asked long after an apply, such as the
shared server, reads what was kept then and holds it against the digests that the log has of that apply.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from environments import Cloud, Environment, Platform, Team, ground_of
from environments.files import replace_file
from environments.load import PLATFORM_FILE
from environments.model import PlatformSettings
from governance.audit import LogReader
from governance.audit.canonical import canonical
from governance.audit.events import InfrastructureChange
from governance.records.settings import Settings, digests_of

_TEAMS = "teams/"


def kept_in(environment: Environment, cloud: Cloud) -> Path:
    """Return the folder that keeps what was applied to ``environment`` on ``cloud``, a file for each digest."""
    return ground_of(environment, cloud) / "applied" / f"{cloud}-{environment.environment}"


def keep(settings: Settings, folder: Path) -> None:
    """Keep ``settings`` whole in ``folder``, beside those that were applied before. The folder's time changes by it.

    Raises:
        OSError: they cannot be written.
    """
    name = f"{settings.digest.rpartition(':')[2]}.json"
    replace_file(folder / name, canonical(dict(settings.contents)), mode=0o600)


def find(event: InfrastructureChange, folder: Path, *more: Mapping[str, object]) -> Mapping[str, object] | None:
    """Return what ``event`` applied, from ``folder`` or ``more``; None where nothing has the digests that it names."""
    wanted = dict(event.settings)
    name = f"{(event.settings_digest or '').rpartition(':')[2]}.json"
    kept = folder / name
    for contents in (*more, *([_read(kept)] if kept.is_file() else [])):
        if wanted and digests_of(contents) == wanted:
            return contents
    return None


def merged(declared: Platform, applied: Mapping[str, Mapping[str, object]]) -> Platform:
    """Return what ``applied`` says, by environment, as one platform: only those environments, with their own teams.

    A model is the team's that the strictest environment names, and administrators are those named there: who may apply
    to a looser one gains nothing in a stricter one.

    Args:
        declared: says where environments are, and their order, from the loosest to the strictest.
        applied: contents of each environment's settings, see :func:`find`.
    """
    order = [name for name in declared.environments if name in applied]
    owners: dict[str, str] = {}
    teams: dict[str, Team] = {}
    administrators: tuple[str, ...] = ()
    projects: Literal["one", "per-team"] = "one"
    for name in order:
        contents = applied[name]
        settings = PlatformSettings.model_validate(contents.get(PLATFORM_FILE, {}))
        administrators = settings.administrators
        projects = "per-team" if "per-team" in (projects, settings.projects) else "one"
        for file, content in contents.items():
            if file.startswith(_TEAMS) and isinstance(content, dict):
                here = {"environments": {name: content["here"]}}
                team = Team.model_validate({**{key: value for key, value in content.items() if key != "here"}, **here})
                earlier = teams[team.team].environments if team.team in teams else {}
                teams[team.team] = team.model_copy(update={"environments": {**earlier, **team.environments}})
                owners |= dict.fromkeys(team.models, team.team)
    for called, team in teams.items():
        own = tuple(model for model, owner in owners.items() if owner == called)
        teams[called] = team.model_copy(update={"models": own})
    environments = {name: declared.environments[name] for name in order}
    return Platform(
        declared.directory, environments, teams, PlatformSettings(administrators=administrators, projects=projects)
    )


class LastApply:
    """The newest apply or destroy of an environment that succeeded, read on from where it was last looked for.

    Args:
        open_reader: opens the environment's log for reading.
    """

    def __init__(self, open_reader: Callable[[], LogReader]) -> None:
        self._open = open_reader
        self._reader: LogReader | None = None
        self._read_to = 0
        self.known: InfrastructureChange | None = None
        """As it was last read."""

    def event(self) -> InfrastructureChange | None:
        """Return it as the log has it now; None where there is none.

        Raises:
            AuditError: the log cannot be read.
        """
        reader, self._reader = self._reader or self._open(), None
        size = reader.refresh()
        for sequence in reversed(range(self._read_to, size)):
            event = reader.entry(sequence).event
            if isinstance(event, InfrastructureChange) and event.outcome == "succeeded":
                self.known = event
                break
        self._read_to, self._reader = size, reader  # a reader that failed is not asked again
        return self.known


def _read(file: Path) -> Mapping[str, object]:
    """Return what ``file`` holds; nothing where that is no mapping, which has no digests then."""
    try:
        held = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}
