"""ZenML's projects: one for each team where the settings say so, and one for what is everybody's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from environments import SHARED_PROJECT, Platform
from stack_bootstrap.registration.errors import naming
from stack_bootstrap.registration.zenml_client import open_client, quiet_zenml

if TYPE_CHECKING:
    from zenml.client import Client


def missing_projects(
    platform: Platform, teams: Iterable[str] | None = None, *, client: Client | None = None
) -> tuple[str, ...]:
    """Return names of projects that the settings want and ZenML lacks.

    Args:
        platform: The settings.
        teams: Of which teams (default: all).
        client: The ZenML client, opened when not given.

    Raises:
        RegistrationError: ZenML cannot be asked.
    """
    if platform.settings.projects == "one":
        return ()
    client = client or open_client()
    from zenml.utils.pagination_utils import depaginate

    with quiet_zenml(), naming("store", "of ZenML"):
        known = {project.name for project in depaginate(client.list_projects)}
    wanted = [
        SHARED_PROJECT,
        *(team for team in (platform.teams if teams is None else teams) if team in platform.teams),
    ]
    return tuple(name for name in wanted if name not in known)


def make_projects(names: Iterable[str], *, client: Client | None = None) -> None:
    """Make the projects called ``names``.

    Raises:
        RegistrationError: ZenML refuses one; it is named.
    """
    for name in names:
        client = client or open_client()
        with quiet_zenml(), naming("project", name):
            client.create_project(name, description="of everybody" if name == SHARED_PROJECT else f"of the team {name}")
