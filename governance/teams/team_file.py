"""The file of a new team: who is in it, and why those people in those roles."""

from __future__ import annotations

import yaml

from environments import Platform
from governance.teams.request import NewTeam

_MODELINE = "# yaml-language-server: $schema=../schema/team.schema.json"


def render(request: NewTeam, platform: Platform) -> str:
    """Return the text of ``environments/teams/<team>.yaml``.

    The owner is an ml-engineer everywhere. Where an environment asks for approvals, whoever is named as approver is
    one too: an approval counts only when its giver neither trained the version nor asked for its promotion.
    """
    budgets = request.budgets(platform)
    lines = [
        _MODELINE,
        *_comment(request, platform),
        f"team: {_scalar(request.name)}",
        f"owners: [{_scalar(request.owner)}]",
        f"cost_center: {_scalar(request.cost_center)}",
        f"models: [{', '.join(request.all_models())}]",
        "environments:",
    ]
    for name, environment in platform.environments.items():
        people = [request.owner, *(request.approvers if environment.approvals else ())]
        lines += [
            f"  {name}:",
            f"    budget: {budgets[name]:g} # {environment.budget.currency} a month",
            "    members:",
            *(f"      {_scalar(person)}: ml-engineer" for person in people),
        ]
    return "\n".join(lines) + "\n"


def _comment(request: NewTeam, platform: Platform) -> list[str]:
    """Return the comment that tells the file's readers about its members."""
    asking = {name: settings.approvals for name, settings in platform.environments.items() if settings.approvals}
    if not asking:
        return []
    where = " and ".join(f"{name} asks for {count}" for name, count in asking.items())
    lines = [
        f"# {where} approval(s) of a promotion, by an ml-engineer or platform-admin who neither trained the version",
        "# nor asked for its promotion.",
    ]
    if len(request.approvers) < max(asking.values()):
        lines += [
            "# Where CI or a data-scientist trains and asks, the owner can agree. Where the owner does, nobody can",
            "# yet: add a second ml-engineer.",
        ]
    return lines


def _scalar(value: str) -> str:
    """Return ``value`` as YAML spells it, quoted only where it must be."""
    return yaml.safe_dump(value, width=1000).removesuffix("...\n").strip()
