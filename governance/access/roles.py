"""The roles and what each may do: the one table, and who holds which role where."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from environments import Platform, Role

Action = Literal[
    "view models",
    "create models",
    "promote to staging",
    "promote to production",
    "view stacks",
    "modify stacks",
    "execute pipelines",
    "delete resources",
]
ACTIONS: tuple[Action, ...] = get_args(Action)

_READS: frozenset[Action] = frozenset({"view models", "view stacks"})
_WORKS: frozenset[Action] = frozenset({"create models", "promote to staging", "execute pipelines"})

MATRIX: dict[Role, frozenset[Action]] = {
    "auditor": _READS,
    "data-scientist": _READS | _WORKS,
    "ml-engineer": _READS | _WORKS | {"promote to production", "modify stacks"},
    "platform-admin": frozenset(ACTIONS),
}

CI_PREFIX = "ci-"
"""A service account with this prefix and an environment's name is that environment's workflow."""


@dataclass(frozen=True)
class Scope:
    """Whose a thing is. ``None`` for a part that it does not say; ``known`` is False for what is no team's."""

    team: str | None = None
    environment: str | None = None
    known: bool = True


ANYWHERE = Scope()
UNOWNED = Scope(known=False)


@dataclass(frozen=True)
class Grant:
    """One role that an account holds, in one team (``None``: in all) and one environment (``None``: in all)."""

    role: Role
    team: str | None = None
    environment: str | None = None

    @property
    def administers(self) -> bool:
        """Whether this is the platform itself: accounts, keys and settings of the server."""
        return self.role == "platform-admin" and self.team is None and self.environment is None

    def allows(self, action: str, scope: Scope) -> bool:
        """Return whether this grant covers ``action`` on what ``scope`` says."""
        if action not in MATRIX[self.role]:
            return False
        return self.administers or (
            scope.known and self.team in (None, scope.team or self.team) and self._reaches(scope.environment)
        )

    def _reaches(self, environment: str | None) -> bool:
        return environment is None or self.environment in (None, environment)


@dataclass(frozen=True)
class Account:
    """Somebody as the server knows them. People are called by their address in the teams' files, exactly."""

    name: str
    is_service: bool = False

    def __str__(self) -> str:
        return f"service account {self.name}" if self.is_service else self.name


def grants_of(platform: Platform, account: Account, administrators: Collection[Account] = ()) -> tuple[Grant, ...]:
    """Return every role that ``account`` holds; none for somebody who is in no file any more.

    Args:
        platform: the settings as they are now.
        account: who asks.
        administrators: accounts that look after the server itself, beside those in ``platform.yaml``.
    """
    return tuple(_grants(platform, account, administrators))


def _grants(platform: Platform, account: Account, administrators: Collection[Account]) -> Iterator[Grant]:
    if account in administrators:
        yield Grant("platform-admin")
    if account.is_service:
        environment = account.name.removeprefix(CI_PREFIX)
        if account.name.startswith(CI_PREFIX) and environment in platform.environments:
            yield Grant("ml-engineer", None, environment)
        return
    if account.name in platform.settings.administrators:
        yield Grant("platform-admin")
    for team in platform.teams.values():
        for environment, section in team.environments.items():
            if account.name in section.members:
                yield Grant(section.members[account.name], team.team, environment)
