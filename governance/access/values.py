"""Whose values of secrets and connectors, and whose projects. The other questions of ZenML's are the guard's."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlmodel import Session, col, select
from zenml.zen_server.rbac.models import Action, Resource, ResourceType
from zenml.zen_server.rbac.rbac_interface import RBACInterface
from zenml.zen_stores.schemas import (
    ModelSchema,
    ModelVersionSchema,
    ProjectSchema,
    SecretSchema,
    ServiceConnectorSchema,
)

from governance.access.routes import API
from governance.access.things import NotAllowedError

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams
    from zenml.models import UserResponse

_KEPT: dict[str, Any] = {ResourceType.SECRET: SecretSchema, ResourceType.SERVICE_CONNECTOR: ServiceConnectorSchema}
"""What has values, and the table with its names."""
OF_EVERY_TEAM = frozenset(
    API + path for path in ("model_version_artifacts", "model_version_pipeline_runs", "resource_requests")
)
"""Lists that ZenML gives without a question of its own, whosever things they are of."""
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
            self._forget_names()  # one may be new
            return False, sorted(self._seen(user))
        return self._sees(user, _project(resource)), []

    def require_listed(self, user: UserResponse, template: str, query: QueryParams) -> None:
        """Return when ``user`` sees all that one of :data:`OF_EVERY_TEAM` would list.

        That is who sees every team's, and who asks for one model version of their own team's.

        Raises:
            NotAllowedError: it may hold something of another team's.
        """
        from governance.access import target

        account = target.account_of(user)
        if target.guard.sees_links(account):
            return
        versions, joined = query.getlist("model_version_id"), query.getlist("logical_operator")
        narrow = len(versions) == 1 and set(joined) <= {"and"} and not template.endswith("/resource_requests")
        project, model = self._place_of(versions[0]) if narrow else (None, None)
        if model is not None and project in self._seen(user) and target.guard.sees_links(account, model):
            return
        raise NotAllowedError(
            f"{user.name} may not list {template.removeprefix(API)} of every team: give model_version_id, of one "
            "version of a model of your own team's."
        )

    def update_resource_membership(self, *_: object, **__: object) -> None:
        """Do nothing: roles stand in the teams' files."""

    def delete_resources(self, resources: list[Resource]) -> None:
        """Do nothing: nothing is kept of a resource."""

    def _sees(self, user: UserResponse, project: str | None) -> bool:
        if project is not None and project not in self._projects:
            self._forget_names()  # it may be new
        return project is None or project in self._seen(user)

    def _forget_names(self) -> None:
        self._named_at = float("-inf")

    def _seen(self, user: UserResponse) -> set[str]:
        """Return the projects that ``user`` sees, by identifier."""
        from governance.access import target

        if time.monotonic() - self._named_at > NAMED_SECONDS:
            with Session(target.zen_store().engine) as session:  # type: ignore[attr-defined]
                named = session.exec(select(ProjectSchema.id, ProjectSchema.name)).all()
            self._projects, self._named_at = {str(known): name for known, name in named}, time.monotonic()
        seen = target.guard.sees(target.account_of(user), set(self._projects.values()))
        return {known for known, name in self._projects.items() if name in seen}

    def _place_of(self, version: str) -> tuple[str | None, str | None]:
        """Return the identifier of the project in which the model version ``version`` lies, and its model's name."""
        from governance.access import target

        try:
            known = UUID(version)
        except ValueError:
            return None, None
        with Session(target.zen_store().engine) as session:  # type: ignore[attr-defined]
            found = session.exec(
                select(ModelVersionSchema.project_id, ModelSchema.name)
                .join(ModelSchema, col(ModelSchema.id) == ModelVersionSchema.model_id)
                .where(ModelVersionSchema.id == known)
            ).first()
        return (str(found[0]), found[1]) if found else (None, None)

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
