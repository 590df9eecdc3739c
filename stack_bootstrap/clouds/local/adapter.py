"""This machine as a cloud."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from environments import Environment
from stack_bootstrap.clouds.adapter import CloudAdapter, Place

if TYPE_CHECKING:
    from stack_bootstrap.workspace import Workspace


class LocalAdapter(CloudAdapter):
    """State is a file, and there is nobody to log in to."""

    keeps_protected = False

    def backend(self, environment: Environment, home: Path) -> dict[str, str]:  # noqa: ARG002 (the file is in home)
        """See :meth:`CloudAdapter.backend`."""
        return {"path": str(home / "terraform.tfstate")}

    def place(self, environment: Environment) -> Place:  # noqa: ARG002 (this machine is in no region)
        """See :meth:`CloudAdapter.place`."""
        return Place()

    def ci_login(self, environment: Environment, identity: str) -> dict[str, str]:  # noqa: ARG002 (none is needed)
        """See :meth:`CloudAdapter.ci_login`."""
        return {}

    def refuse_full_stores(self, plan: Mapping[str, Any], where: Workspace) -> None:
        """See :meth:`CloudAdapter.refuse_full_stores`: a folder goes with what it holds."""


ADAPTER = LocalAdapter()
