"""How an object says in ZenML that Groundwork registered it, and for whom."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stack_bootstrap.contract import StackContract

MANAGED_BY = "groundwork"

SECRET_KEY = "managed_by_groundwork"  # noqa: S105 - the name of a key, not a password
"""Key of a ZenML secret that holds its labels as JSON. ZenML secrets carry no labels, and a record kept anywhere else
could not be written in the same call as the secret itself."""


@dataclass(frozen=True)
class Scope:
    """One environment on one cloud, and one of its teams or all of them."""

    environment: str
    cloud: str
    team: str | None = None

    def holds(self, labels: Mapping[str, str] | None) -> bool:
        """Return whether Groundwork registered the object with these labels within this scope."""
        return (
            is_managed(labels)
            and labels is not None
            and labels.get("environment") == self.environment
            and labels.get("cloud") == self.cloud
            and (self.team is None or labels.get("team") == self.team)
        )


def scopes_of(contracts: Iterable[StackContract], team: str | None = None) -> frozenset[Scope]:
    """Return the environments and clouds that ``contracts`` speak for, narrowed to ``team`` when it is given."""
    return frozenset(Scope(contract.environment, contract.cloud, team) for contract in contracts)


def labels_of(contract: StackContract) -> dict[str, str]:
    """Return the labels of everything that is registered for ``contract``."""
    return {
        **contract.stack.labels,
        "environment": contract.environment,
        "cloud": contract.cloud,
        "team": contract.team,
        "managed_by": MANAGED_BY,
        "zenml_stack": contract.stack.name,
    }


def is_managed(labels: Mapping[str, str] | None) -> bool:
    """Return whether Groundwork registered the object with these labels."""
    return (labels or {}).get("managed_by") == MANAGED_BY


def to_secret_value(labels: Mapping[str, str]) -> str:
    """Return ``labels`` as the value of :data:`SECRET_KEY`."""
    return json.dumps(labels, sort_keys=True)


def from_secret_value(text: str) -> dict[str, str] | None:
    """Return the labels in the value of :data:`SECRET_KEY`, or None when it is not one that we wrote."""
    try:
        labels = json.loads(text)
    except json.JSONDecodeError:
        return None
    return labels if isinstance(labels, dict) else None
