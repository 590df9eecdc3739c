"""Reading ``environments/*.yaml`` and ``environments/teams/*.yaml``, with errors a person can act on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode

from environments.errors import ExpectedError
from environments.model import CLOUDS, Cloud, Environment, PlatformSettings, Team
from environments.names import names_for
from environments.people import PEOPLE_FILE, PeopleSettings, PersonSettings, addresses
from environments.server import SERVER, SERVER_FILE, ServerSettings
from environments.strict import looser

ORDER = ("dev", "staging", "production")
"""Environments a model passes through, in this order. Others may exist beside them."""

CHECKOUT = Path(__file__).resolve().parent.parent
DIRECTORY = CHECKOUT / "environments"

PLATFORM_FILE = "platform.yaml"
_NO_ENVIRONMENT = frozenset({"names.yaml", PLATFORM_FILE, PEOPLE_FILE, SERVER_FILE})
"""Files beside the environments' that are none."""

_Model = TypeVar("_Model", bound=BaseModel)


class SettingsError(ExpectedError):
    """A settings file is wrong; the message says which file, which key and what is allowed."""


class _UniqueKeyLoader(yaml.CSafeLoader):  # the loader in Python takes 0.1 s, which every command would wait for
    """Refuses a mapping that gives the same key twice, where YAML would silently keep the last."""

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                raise ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


@dataclass(frozen=True)
class Platform:
    """All environments and teams, checked one by one and against each other."""

    directory: Path
    environments: Mapping[str, Environment]
    teams: Mapping[str, Team]
    settings: PlatformSettings = field(default_factory=PlatformSettings)
    people: Mapping[str, PersonSettings] = field(default_factory=dict)
    """By the address that each is called by."""
    server: ServerSettings | None = None
    """The shared server, where it is somewhere else than on this machine."""

    def environment(self, name: str) -> Environment:
        """Return the environment called ``name``.

        Raises:
            SettingsError: there is no such file.
        """
        if name == SERVER:
            raise SettingsError(
                f"{SERVER!r} is the shared server and no environment: only what plans, applies and prices it takes "
                f"ENV={SERVER}. Choose one of: {', '.join(self.environments)}."
            )
        if name not in self.environments:
            raise SettingsError(
                f"There is no environment {name!r}: {self.directory / (name + '.yaml')} does not exist. "
                f"Choose one of: {', '.join(self.environments)}."
            )
        return self.environments[name]

    def team(self, name: str) -> Team:
        """Return the team called ``name``.

        Raises:
            SettingsError: there is no such file.
        """
        if name not in self.teams:
            raise SettingsError(
                f"There is no team {name!r} in {self.directory / 'teams'}. Choose one of: "
                f"{', '.join(self.teams) or 'none yet'}."
            )
        return self.teams[name]

    def project_of(self, team: str) -> str | None:
        """Return the ZenML project of ``team``; None for the active one, where all teams share it."""
        return team if self.settings.projects == "per-team" and team in self.teams else None

    def team_of(self, model: str) -> Team:
        """Return the team that owns ``model``.

        Raises:
            SettingsError: no team lists it.
        """
        for team in self.teams.values():
            if model in team.models:
                return team
        known = sorted(m for t in self.teams.values() for m in t.models)
        near = get_close_matches(model, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else f" Known models: {', '.join(known) or 'none'}."
        raise SettingsError(f"No file in {self.directory / 'teams'} lists the model {model!r}.{hint}")


def pick_cloud(environment: Environment, cloud: str | None) -> Cloud:
    """Return ``cloud`` if given, else the environment's own choice.

    Raises:
        SettingsError: the cloud is unknown or the environment does not describe it.
    """
    chosen = cloud or environment.cloud
    for known in CLOUDS:
        if chosen == known:
            if getattr(environment, known) is None:
                raise SettingsError(
                    f"{environment.environment}.yaml has no {known!r} section, so CLOUD={known} cannot be used there."
                )
            return known
    raise SettingsError(f"CLOUD={chosen} is not a cloud. Choose one of: {', '.join(CLOUDS)}.")


def local_root(environment: Environment) -> Path:
    """Return the folder that holds everything of the ``local`` cloud, made absolute against the checkout."""
    if environment.local is None:
        raise SettingsError(f"{environment.environment}.yaml has no 'local' section.")
    return (CHECKOUT / environment.local.root).resolve()


def ground_of(environment: Environment, cloud: Cloud) -> Path:
    """Return the folder on this machine for what belongs to ``environment`` on ``cloud``."""
    return local_root(environment) if cloud == "local" else CHECKOUT / ".groundwork"


def load_platform(directory: Path = DIRECTORY) -> Platform:
    """Read every environment and team below ``directory``.

    Raises:
        SettingsError: a file is not YAML, breaks the model, or contradicts another file.
    """
    environments = {}
    for file in sorted(directory.glob("*.yaml")):
        if file.name in _NO_ENVIRONMENT:
            continue
        environment = _read(file, Environment)
        _named_after(file, environment.environment)
        environments[environment.environment] = environment
    if not environments:
        raise SettingsError(f"{directory} holds no environment: expected files such as dev.yaml.")
    ordered = {name: environments[name] for name in _in_order(environments)}

    teams = {}
    for file in sorted((directory / "teams").glob("*.yaml")):
        team = _read(file, Team)
        _named_after(file, team.team)
        teams[team.team] = team

    shared, served = directory / PLATFORM_FILE, directory / SERVER_FILE
    platform = Platform(
        directory,
        ordered,
        teams,
        _read(shared, PlatformSettings) if shared.exists() else PlatformSettings(),
        load_people(directory / PEOPLE_FILE),
        _read(served, ServerSettings) if served.exists() else None,
    )
    _thresholds_rise(platform)
    _readers_exist(platform)
    _teams_fit(platform)
    _cost_centers_exist(platform)
    _signers_are_declared(directory)
    _members_are_one_person(platform)
    _server_fits(platform)
    return platform


def load_people(file: Path) -> Mapping[str, PersonSettings]:
    """Read the people whom ``file`` declares; nobody where there is no such file.

    Raises:
        SettingsError: it is not YAML, breaks the model, or two people in it share something.
    """
    return _read(file, PeopleSettings).people if file.exists() else {}


def _in_order(names: Mapping[str, Environment]) -> list[str]:
    return [n for n in ORDER if n in names] + sorted(n for n in names if n not in ORDER)


def _read(file: Path, model: type[_Model]) -> _Model:
    try:
        raw = yaml.load(file.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: not valid YAML: {error}") from error
    if not isinstance(raw, dict):
        raise SettingsError(f"{file}: expected keys and values, found {type(raw).__name__}.")
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(_explain(file, model, error)) from error


def _explain(file: Path, model: type[BaseModel], error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            allowed = sorted(_fields_at(model, problem["loc"][:-1]))
            near = get_close_matches(str(problem["loc"][-1]), allowed, n=1)
            message = f"unknown key; {f'did you mean {near[0]!r}? ' if near else ''}allowed: {', '.join(allowed)}"
        elif problem["type"] == "missing":
            message = "is required"
        elif problem["type"] == "string_pattern_mismatch":
            message = f"{problem['input']!r} does not match {problem['ctx']['pattern']}"
        elif "input" in problem and not isinstance(problem["input"], dict):
            message = f"{message} (found {problem['input']!r})"
        lines.append(f"  {where}: {message}")
    return f"{file}:\n" + "\n".join(lines)


def _fields_at(model: type[BaseModel], path: tuple[int | str, ...]) -> set[str]:
    """Return the field names of the model that ``path`` leads to, through optional fields and mappings."""
    current: type[BaseModel] = model
    for part in path:
        field = current.model_fields.get(str(part))
        if field is None:
            continue
        found = _model_in(field.annotation)
        if found is not None:
            current = found
    return set(current.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None


def _named_after(file: Path, name: str) -> None:
    if file.stem != name:
        raise SettingsError(f"{file}: names itself {name!r}; rename the file to {name}.yaml or correct the key.")


def _thresholds_rise(platform: Platform) -> None:
    chain = [platform.environments[name] for name in ORDER if name in platform.environments]
    models = sorted({model for environment in chain for model in environment.model_thresholds})
    for earlier, later in pairwise(chain):
        for model in ("", *models):
            loose = looser(later.thresholds_for(model), earlier.thresholds_for(model))
            if loose:
                raise SettingsError(
                    f"{platform.directory / later.environment}.yaml: {model or 'thresholds'}: {', '.join(loose)} asks "
                    f"for less than {earlier.environment}.yaml does; thresholds must rise towards production."
                )
        loose = looser(later.gates, earlier.gates)
        if loose:
            raise SettingsError(
                f"{platform.directory / later.environment}.yaml: gates: {', '.join(loose)} asks for less than "
                f"{earlier.environment}.yaml does; gates must get stricter towards production."
            )


def _readers_exist(platform: Platform) -> None:
    for name, environment in platform.environments.items():
        others = [other for other in platform.environments if other != name]
        unknown = [reader for reader in environment.audit.readers if reader not in others]
        if unknown:
            raise SettingsError(
                f"{platform.directory / name}.yaml: audit.readers: {', '.join(unknown)} is no other environment; "
                f"choose from: {', '.join(others) or 'none'}."
            )


def _teams_fit(platform: Platform) -> None:
    owner: dict[str, str] = {}
    for team in platform.teams.values():
        file = platform.directory / "teams" / f"{team.team}.yaml"
        unknown = sorted(set(team.environments) - set(platform.environments))
        if unknown:
            raise SettingsError(
                f"{file}: environments: {', '.join(unknown)} does not exist; "
                f"known environments: {', '.join(platform.environments)}."
            )
        for model in team.models:
            if model in owner:
                raise SettingsError(f"{file}: models: {model!r} already belongs to team {owner[model]!r}.")
            owner[model] = team.team
        for environment in platform.environments.values():
            try:
                for cloud in CLOUDS:
                    names_for(team.team, environment.environment, cloud, environment.prefix)
            except ValueError as error:
                raise SettingsError(f"{file}: {error}") from error
    for environment in platform.environments.values():
        fairness = environment.gates.fairness
        named = {
            "model_thresholds": environment.model_thresholds,
            "gates.fairness": [*(exempt.model for exempt in fairness.exemptions), *fairness.no_attributes],
        }
        for key, models in named.items():
            unowned = sorted(set(models) - set(owner))
            if unowned:
                raise SettingsError(
                    f"{platform.directory / environment.environment}.yaml: {key}: no team owns {', '.join(unowned)}."
                )


def _cost_centers_exist(platform: Platform) -> None:
    known = platform.settings.cost_centers
    if known is None:
        return
    named = {
        f"{e.environment}.yaml: labels.cost_center": e.labels["cost_center"] for e in platform.environments.values()
    }
    named |= {f"teams/{team.team}.yaml: cost_center": team.cost_center for team in platform.teams.values()}
    for where, cost_center in named.items():
        if cost_center not in known:
            near = get_close_matches(cost_center, known, n=1)
            raise SettingsError(
                f"{platform.directory / where}: {cost_center!r} is not a cost centre of {PLATFORM_FILE}."
                + (f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(known)}.")
            )


def _signers_are_declared(directory: Path) -> None:
    file = directory / "allowed_signers"
    if file.exists():
        raise SettingsError(
            f"{file} is not read any more, so that nobody signs by a line of its own. Declare the people in it in "
            f"{directory / PEOPLE_FILE}, then delete it: `make signers` shows the allowed signers that follow."
        )


def _members_are_one_person(platform: Platform) -> None:
    for team in platform.teams.values():
        for environment, section in team.environments.items():
            for email, person in platform.people.items():
                twice = [address for address in addresses(email, person) if address in section.members]
                if len(twice) > 1:
                    raise SettingsError(
                        f"{platform.directory / 'teams' / f'{team.team}.yaml'}: environments.{environment}.members: "
                        f"{' and '.join(twice)} are one person in {PEOPLE_FILE}; name them once."
                    )


def _server_fits(platform: Platform) -> None:
    if platform.server is None:
        return
    file, host = platform.directory / SERVER_FILE, platform.server.stands_in
    if host not in platform.environments:
        raise SettingsError(
            f"{file}: stands_in: {host!r} is no environment; choose from: {', '.join(platform.environments)}."
        )
    for tracker in platform.server.trackers:
        team, _, environment = tracker.partition("/")
        if team not in platform.teams or environment not in platform.teams[team].environments:
            raise SettingsError(f"{file}: trackers: there is no team {team!r} in {environment!r}.")
