"""What a new team asks for, checked in full before anything is written."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from environments import CHECKOUT, Environment, Platform, names_for
from environments.model import Email, ModelName, TeamName
from environments.names import RESERVED_TEAMS, TEAM_MAX
from governance.teams.errors import TeamRefusedError

DataFormat = Literal["csv", "parquet"]
DATA_FORMATS: Final = get_args(DataFormat)

DEFAULT_BUDGET_SHARE: Final = 0.1
"""The part of each environment's monthly budget that a team gets when none is named."""


@dataclass(frozen=True)
class NewTeam:
    """A team to be added."""

    name: str
    owner: str
    cost_center: str
    models: tuple[str, ...] = ()
    """Empty: one, called after the team."""
    budget: float | None = None
    """Of a month in the last environment, in its currency; the others get the same share of theirs."""
    approvers: tuple[str, ...] = ()
    data_format: str = "csv"

    @property
    def package(self) -> str:
        """The name of the team's folders of Python."""
        return package_of(self.name)

    def all_models(self) -> tuple[str, ...]:
        """Return the models asked for, or the one that a team starts with."""
        return self.models or (f"{self.package}_classifier",)

    def budgets(self, platform: Platform) -> dict[str, float]:
        """Return the team's budget of a month by environment, each in that environment's currency."""
        share = DEFAULT_BUDGET_SHARE
        if self.budget is not None:
            share = self.budget / list(platform.environments.values())[-1].budget.amount
        return {name: round(share * settings.budget.amount, 2) for name, settings in platform.environments.items()}


def package_of(team: str) -> str:
    """Return the Python package that holds the pipelines of ``team``."""
    return team.replace("-", "_")


def check(request: NewTeam, platform: Platform, checkout: Path = CHECKOUT) -> None:
    """Make sure that the team can be added as asked.

    Args:
        request: What is asked for.
        platform: The environments and teams as they are.
        checkout: Where the scaffold would go.

    Raises:
        TeamRefusedError: it cannot; every reason is named, by the variable that it is about.
    """
    problems = [
        *_about_name(request.name, platform),
        *_about_people(request),
        *_about_cost_center(request.cost_center, platform),
        *_about_models(request.all_models(), platform, checkout),
        *_about_budget(request, platform),
    ]
    if request.data_format not in DATA_FORMATS:
        problems.append(
            f"DATA: {request.data_format!r} is not a format of the sample data; choose {' or '.join(DATA_FORMATS)}. "
            "(Data of your own goes into source: of the model's config afterwards.)"
        )
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise TeamRefusedError(f"The team cannot be added; nothing was written.\n{lines}")


def _about_name(name: str, platform: Platform) -> Iterable[str]:
    if len(name) > TEAM_MAX:
        yield (
            f"NAME: {name!r} has {len(name)} characters; at most {TEAM_MAX} fit into a Google service account id "
            "beside the environment's name."
        )
        return
    if _wrong(name, TeamName):
        yield f"NAME: {name!r} is not a team's name: lower-case letters, digits and single hyphens, such as risk-ops."
        return
    if name in RESERVED_TEAMS:
        yield f"NAME: {name!r} is reserved ({', '.join(sorted(RESERVED_TEAMS))}); choose another."
    if name in platform.teams:
        yield f"NAME: {name!r} is taken: {platform.directory / 'teams' / f'{name}.yaml'}."
    if keyword.iskeyword(package_of(name)):
        yield f"NAME: {name!r} is a word of Python's own, so no package can have it; choose another."
    yield from _too_long_for_a_cloud(name, platform.environments)


def _too_long_for_a_cloud(name: str, environments: Mapping[str, Environment]) -> Iterable[str]:
    for environment in environments.values():
        try:
            names_for(name, environment.environment, environment.cloud, environment.prefix)
        except ValueError as error:
            yield f"NAME: {error}"
            return


def _about_people(request: NewTeam) -> Iterable[str]:
    for variable, people in (("OWNER", (request.owner,)), ("APPROVER", request.approvers)):
        for person in people:
            if _wrong(person, Email):
                yield f"{variable}: {person!r} is not an e-mail address."
    if request.owner in request.approvers:
        yield f"APPROVER: {request.owner} is the owner already; name somebody else, or nobody."


def _about_cost_center(cost_center: str, platform: Platform) -> Iterable[str]:
    known = platform.settings.cost_centers
    if known is not None and cost_center not in known:
        near = get_close_matches(cost_center, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."
        yield (
            f"COST_CENTER: {cost_center!r} is not in {platform.directory / 'platform.yaml'}. {hint} "
            "A new one is added there first."
        )


def _about_models(models: tuple[str, ...], platform: Platform, checkout: Path) -> Iterable[str]:
    owner = {model: team.team for team in platform.teams.values() for model in team.models}
    for model in dict.fromkeys(models):
        if models.count(model) > 1:
            yield f"MODEL: {model!r} is named twice."
        if _wrong(model, ModelName):
            yield f"MODEL: {model!r} is not a model's name: {{purpose}}_{{type}}, such as transaction_classifier."
        elif model in owner:
            yield f"MODEL: {model!r} belongs to team {owner[model]!r}."
        elif (config := checkout / "pipelines" / "configs" / f"{model}.yaml").exists():
            yield f"MODEL: {config} exists already, though no team owns {model!r}."


def _about_budget(request: NewTeam, platform: Platform) -> Iterable[str]:
    if request.budget is None:
        return
    last = list(platform.environments.values())[-1]
    ceiling = f"{last.environment}'s own budget of {last.budget.amount:g} {last.budget.currency}"
    if not request.budget > 0:  # also what is not a number
        yield f"BUDGET: {request.budget:g} is not positive."
    elif request.budget > last.budget.amount:
        yield f"BUDGET: {request.budget:g} is over {ceiling} a month."
    elif min(request.budgets(platform).values()) < 0.01:
        yield f"BUDGET: {request.budget:g} leaves nothing for an environment."


def _wrong(value: str, kind: Any) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return True
    return False
