"""Where a team's models and runs are: a project of a ZenML server, of a database file, or of the store in use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel

from governance.core.errors import RefusedError
from stack_bootstrap.registration.errors import naming

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.models import Page, ProjectResponse
    from zenml.zen_stores.base_zen_store import BaseZenStore

_Item = TypeVar("_Item", bound=BaseModel)

_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")
_FILE = "sqlite:///"
_PAGE = 200


class PlaceError(RefusedError):
    """An address names no project; the message says which and what to do."""


@dataclass(frozen=True)
class Place:
    """One project of one store."""

    address: str
    """As it was given, for messages and the log. It holds no secret."""
    store: BaseZenStore
    project: ProjectResponse

    @property
    def project_id(self) -> UUID:
        """The project that every request names."""
        return self.project.id

    def every(self, listing: Callable[..., Page[_Item]], chosen: Any, *, hydrate: bool = True) -> Iterator[_Item]:
        """Yield every item that ``listing`` of this store finds by the filter ``chosen``, page after page."""
        chosen.size, chosen.page = _PAGE, 1
        while True:
            found = listing(chosen, hydrate=hydrate)
            yield from found.items
            if chosen.page >= found.total_pages:
                return
            chosen.page += 1


def open_place(address: str) -> Place:
    """Open ``address``.

    Args:
        address: ``PROJECT`` of the store in use, or ``URL#PROJECT`` of another: a server's ``https://...``, to which
            ``zenml login`` was made, or a database file's ``sqlite:///...``.

    Raises:
        PlaceError: it is no address, or there is no such project.
        RegistrationError: nothing of ZenML answers there, or it refuses.
    """
    url, _, project = address.rpartition("#")
    if not _PROJECT.fullmatch(project):
        raise PlaceError(f"{address!r} names no project: give PROJECT, or URL#PROJECT of another server.")
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise PlaceError("The address holds a name or a password: leave them out, and run `zenml login` to it first.")
    if url.startswith(_FILE) and not Path(url.removeprefix(_FILE)).is_file():
        raise PlaceError(f"{url} is no database: there is no such file.")
    with naming("store", url or "in use"):
        store = _open_store(url)
        try:
            found = store.get_project(project)
        except KeyError:
            found = None
    if found is None:
        raise PlaceError(
            f"There is no project {project!r} in {url or 'the store in use'}. Make it first: "
            f"zenml project register {project}, or make register where platform.yaml says projects: per-team."
        )
    return Place(address, store, found)


def _open_store(url: str) -> BaseZenStore:
    from zenml.client import Client
    from zenml.zen_stores.base_zen_store import BaseZenStore

    if not url:
        return Client().zen_store
    kind = BaseZenStore.get_store_type(url)
    settings = BaseZenStore.get_store_config_class(kind)
    return BaseZenStore.create_store(settings(type=kind, url=url), skip_default_registrations=True)
