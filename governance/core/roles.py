"""Who may do what with a team's models."""

from __future__ import annotations

from environments import Role
from governance.core.target import Target

APPROVERS: frozenset[Role] = frozenset({"ml-engineer", "platform-admin"})
"""Roles whose holders may agree to a promotion."""


def people_who_approve(target: Target) -> list[str]:
    """Return the members of the team who may approve a promotion into ``target``'s environment, in the file's order."""
    members = target.team.environments[target.environment.environment].members
    return [person for person, role in members.items() if role in APPROVERS]


def role_of(target: Target, email: str) -> Role:
    """Return the role that ``email`` holds in ``target``'s environment.

    Raises:
        KeyError: none.
    """
    return target.team.environments[target.environment.environment].members[email]
