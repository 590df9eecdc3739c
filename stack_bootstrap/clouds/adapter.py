"""The interface of a cloud."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from environments import Environment
from environments.errors import ExpectedError

if TYPE_CHECKING:
    from stack_bootstrap.clouds.state_bucket import StateBucket
    from stack_bootstrap.workspace import Workspace


class FullStoreError(ExpectedError):
    """A plan would delete stores that are not empty; the message names them."""


class Place(NamedTuple):
    """Where an environment is on a cloud, as the policy's rules need to know it."""

    regions: tuple[str, ...] = ()
    """Regions that a plan may name; empty where there are none."""
    account: str | None = None
    """Account or project."""


class CloudAdapter(ABC):
    """One cloud. An environment that is handed to it has that cloud's section."""

    has_state_bucket = False
    """Whether :meth:`make_state_bucket` makes one."""

    @abstractmethod
    def backend(self, environment: Environment, home: Path) -> dict[str, str]:
        """Return the settings of the root's backend.

        Args:
            environment: whose state it is.
            home: folder of what Terraform keeps on this machine for it.
        """

    @abstractmethod
    def place(self, environment: Environment) -> Place:
        """Return the account that ``environment`` is in and the regions that it may use."""

    @abstractmethod
    def ci_login(self, environment: Environment, identity: str) -> dict[str, str]:
        """Return what the cloud's log-in action takes as inputs to become ``identity``; empty where none is needed."""

    def make_state_bucket(self, environment: Environment, *, dry_run: bool = False) -> StateBucket:
        """Make or correct the bucket that holds the Terraform state of ``environment``.

        Args:
            environment: whose state it holds.
            dry_run: only say what would be done.

        Raises:
            StateError: it cannot be made, or belongs to somebody else.
        """
        raise NotImplementedError(f"{type(self).__name__} keeps no state in a bucket")

    @abstractmethod
    def refuse_full_stores(self, plan: Mapping[str, Any], where: Workspace) -> None:
        """Refuse a plan of ``terraform show -json`` that deletes a store which holds something.

        Terraform would find that out only when it has deleted the rest. Nothing is refused where it cannot happen.

        Raises:
            FullStoreError: a store is not empty, or it cannot be seen whether it is.
        """
