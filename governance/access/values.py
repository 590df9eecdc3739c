"""Values of secrets and connectors: only to whom they belong. The other questions of ZenML's are the guard's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import Session, select
from zenml.zen_server.rbac.models import Action, Resource, ResourceType
from zenml.zen_server.rbac.rbac_interface import RBACInterface
from zenml.zen_stores.schemas import SecretSchema, ServiceConnectorSchema

if TYPE_CHECKING:
    from zenml.models import UserResponse

_KEPT: dict[str, Any] = {ResourceType.SECRET: SecretSchema, ResourceType.SERVICE_CONNECTOR: ServiceConnectorSchema}
"""What has values, and the table with its names."""


class ValuesOfTheirOwn(RBACInterface):
    """Answers ZenML's question who may read a value; everything else was decided before the route was reached."""

    def check_permissions(self, user: UserResponse, resources: set[Resource], action: Action) -> dict[Resource, bool]:
        """See :class:`RBACInterface`."""
        if action != Action.READ_SECRET_VALUE:
            return dict.fromkeys(resources, True)
        return {
            resource: resource.id is not None and str(resource.id) in self._readable(user, resource.type)
            for resource in resources
        }

    def list_allowed_resource_ids(
        self, user: UserResponse, resource: Resource, action: Action
    ) -> tuple[bool, list[str]]:
        """See :class:`RBACInterface`."""
        if action != Action.READ_SECRET_VALUE:
            return True, []
        return False, sorted(self._readable(user, resource.type))

    def update_resource_membership(self, *_: object, **__: object) -> None:
        """Do nothing: roles stand in the teams' files."""

    def delete_resources(self, resources: list[Resource]) -> None:
        """Do nothing: nothing is kept of a resource."""

    def _readable(self, user: UserResponse, kind: str) -> set[str]:
        from governance.access import target

        if kind not in _KEPT:
            return set()
        schema = _KEPT[kind]
        with Session(target.zen_store().engine) as session:  # type: ignore[attr-defined]
            named = session.exec(select(schema.id, schema.name)).all()
        theirs = target.guard.reads_values(target.account_of(user), {name for _, name in named})
        return {str(known) for known, name in named if name in theirs}
