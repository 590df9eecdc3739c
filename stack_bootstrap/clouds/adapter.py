"""The interface of a cloud."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from environments import Environment, Platform
from environments.errors import ExpectedError

if TYPE_CHECKING:
    from stack_bootstrap.clouds.state_bucket import StateBucket
    from stack_bootstrap.cluster.render import ClusterTarget
    from stack_bootstrap.workspace import Workspace


class FullStoreError(ExpectedError):
    """A plan would stop half-way, at what will not be deleted; the message names all of it."""

    def __init__(self, found: Sequence[str]) -> None:
        super().__init__(
            "This would stop half-way, at what will not be deleted:\n"
            + "\n".join(f"  {line}" for line in found)
            + "\nNothing was changed. If a team was removed by mistake, restore its file. Otherwise keep what must be "
            "kept elsewhere, empty the store (an audit store only once its events are out of retention) and plan "
            "again. To leave something behind, take it out of the state: "
            "`python -m stack_bootstrap terraform --env ENV --cloud CLOUD -- state rm ADDRESS`."
        )


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

    keeps_protected = True
    """Whether parts of a protected environment cannot be deleted before it was applied with ``protected: false``."""

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

    def cluster(self, platform: Platform, environment: Environment) -> ClusterTarget | None:  # noqa: ARG002 (none here)
        """Return the cluster of ``environment`` with everything that it holds there; None where none is applied to."""
        return None

    def server_cluster(
        self,
        platform: Platform,  # noqa: ARG002 (none here)
        environment: Environment,  # noqa: ARG002
    ) -> ClusterTarget | None:
        """Return the cluster of ``environment`` with the shared server that stands in it; None where it is in none."""
        return None

    @abstractmethod
    def refuse_full_stores(self, plan: Mapping[str, Any], where: Workspace) -> None:
        """Refuse a plan of ``terraform show -json`` that deletes what the cloud will not: a full store, a locked one.

        Nor may it delete the key of something that stays.

        Terraform would find that out only when it has deleted the rest. Nothing is refused where it cannot happen.

        Raises:
            FullStoreError: something will not be deleted, or it cannot be seen whether it will.
        """


_KEYS = {"aws_kms_key": "arn", "google_kms_crypto_key": "id"}
"""Types of encryption keys, and the attribute by which others name them."""


def keys_in_use(plan: Mapping[str, Any]) -> list[str]:
    """Return what ``plan`` leaves and could not be read any more, as it deletes the key; a line for each."""
    keys = {before.get(_KEYS[kind]): address for address, kind, before in deleted(plan) if kind in _KEYS}
    staying = (
        (found["address"], found["change"].get("before") or {})
        for found in plan.get("resource_changes", [])
        if "delete" not in found["change"]["actions"] and found.get("mode") != "data"
    )
    return [
        f"{keys[name]}: the key encrypts {address}, which stays"
        for address, before in staying
        for name in sorted({text for text in _texts(before) if text in keys})
    ]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def deleted(plan: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield address, type and present values of each resource that ``plan`` deletes."""
    for found in plan.get("resource_changes", []):
        if "delete" in found["change"]["actions"]:
            yield found["address"], found["type"], found["change"]["before"]
