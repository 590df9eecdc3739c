"""Whose values of secrets and connectors, and whose projects. The other questions of ZenML's are the guard's."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, select
from zenml.zen_server.rbac.models import Action, Resource, ResourceType
from zenml.zen_server.rbac.rbac_interface import RBACInterface
from zenml.zen_stores.schemas import ProjectSchema, SecretSchema, ServiceConnectorSchema

if TYPE_CHECKING:
    from zenml.models import UserResponse

_KEPT: dict[str, Any] = {ResourceType.SECRET: SecretSchema, ResourceType.SERVICE_CONNECTOR: ServiceConnectorSchema}
"""What has values, and the table with its names."""
NAMED_SECONDS = 5
"""How long projects' names are remembered; only administrators give others."""


class ValuesOfTheirOwn(RBACInterface):
    """Answers ZenML's questions who may read a value, and who sees a project with all that lies in it.

    Everything else was decided before the route was reached.
    """

    def __init__(self) -> None:
        self._projects: Mapping[str, str] = {}
        self._named_at = float("-inf")

    def check_permissions(self, user: UserResponse, resources: set[Resource], action: Action) -> dict[Resource, bool]:
        """See :class:`RBACInterface`."""
        if action != Action.READ_SECRET_VALUE:
            return {resource: self._sees(user, _project(resource)) for resource in resources}
        return {
            resource: resource.id is not None and str(resource.id) in self._readable(user, resource.type)
            for resource in resources
        }

    def list_allowed_resource_ids(
        self, user: UserResponse, resource: Resource, action: Action
    ) -> tuple[bool, list[str]]:
        """See :class:`RBACInterface`."""
        if action == Action.READ_SECRET_VALUE:
            return False, sorted(self._readable(user, resource.type))
        if resource.type == ResourceType.PROJECT:
            return False, sorted(self._seen(user))
        return self._sees(user, _project(resource)), []

    def update_resource_membership(self, *_: object, **__: object) -> None:
        """Do nothing: roles stand in the teams' files."""

    def delete_resources(self, resources: list[Resource]) -> None:
        """Do nothing: nothing is kept of a resource."""

    def _sees(self, user: UserResponse, project: str | None) -> bool:
        if project is not None and project not in self._projects:
            self._named_at = float("-inf")  # it may be new
        return project is None or project in self._seen(user)

    def _seen(self, user: UserResponse) -> set[str]:
        """Return the projects that ``user`` sees, by identifier."""
        from governance.access import target

        if time.monotonic() - self._named_at > NAMED_SECONDS:
            with Session(target.zen_store().engine) as session:  # type: ignore[attr-defined]
                named = session.exec(select(ProjectSchema.id, ProjectSchema.name)).all()
            self._projects, self._named_at = {str(known): name for known, name in named}, time.monotonic()
        seen = target.guard.sees(target.account_of(user), set(self._projects.values()))
        return {known for known, name in self._projects.items() if name in seen}

    def _readable(self, user: UserResponse, kind: str) -> set[str]:
        from governance.access import target

        if kind not in _KEPT:
            return set()
        schema = _KEPT[kind]
        with Session(target.zen_store().engine) as session:  # type: ignore[attr-defined]
            named = session.exec(select(schema.id, schema.name)).all()
        theirs = target.guard.reads_values(target.account_of(user), {name for _, name in named})
        return {str(known) for known, name in named if name in theirs}


def _project(resource: Resource) -> str | None:
    """Return the identifier of the project that ``resource`` is, or lies in; None for what lies in none."""
    project = resource.id if resource.type == ResourceType.PROJECT else resource.project_id
    return None if project is None else str(project)
