"""Whether the people in the teams' files are users of the ZenML server. Nobody is created: a person is invited."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from environments import Platform, Role
from stack_bootstrap.registration.actual import PAGE_SIZE
from stack_bootstrap.registration.errors import naming
from stack_bootstrap.registration.zenml_client import open_client, quiet_zenml

if TYPE_CHECKING:
    from zenml.client import Client


@dataclass(frozen=True)
class Member:
    """A person's role in a team, in one environment."""

    email: str
    team: str
    environment: str
    role: Role

    def __str__(self) -> str:
        return f"{self.email} ({self.role} of {self.team} in {self.environment})"


def members_of(platform: Platform, environments: Collection[str], team: str | None = None) -> Iterator[Member]:
    """Return everybody in the teams' files, in those environments and, if one is named, that team."""
    for name, found in platform.teams.items():
        if team in (None, name):
            for environment, section in found.environments.items():
                if environment in environments:
                    for email, role in section.members.items():
                        yield Member(email, name, environment, role)


def missing_members(
    platform: Platform, environments: Collection[str], *, team: str | None = None, client: Client | None = None
) -> tuple[Member, ...] | None:
    """Return members of teams whom the ZenML server does not know, by user name or e-mail address.

    Args:
        platform: The settings.
        environments: Of which environments.
        team: Only this team's.
        client: The ZenML client, opened when not given.

    Returns:
        Who is missing; ``None`` for a local store, which has one user and no people.

    Raises:
        RegistrationError: ZenML refused to list its users.
    """
    client = client or open_client()
    from zenml.utils.pagination_utils import depaginate_stream

    if not is_server(client):
        return None
    with quiet_zenml(), naming("store", "of ZenML"):
        users = list(depaginate_stream(client.list_users, size=PAGE_SIZE, hydrate=True))
    known = {name.lower() for user in users for name in (user.name, user.email) if name}
    return tuple(member for member in members_of(platform, environments, team) if member.email.lower() not in known)


def is_server(client: Client) -> bool:
    """Return whether ``client`` talks to a ZenML server, and not to a store on this machine."""
    from zenml.enums import StoreType

    return bool(client.zen_store.type == StoreType.REST)
