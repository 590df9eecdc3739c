"""Which experiment trackers runs are tracked in. A stack with another one would train and be tracked nowhere."""

from __future__ import annotations

from collections.abc import Iterable

from stack_bootstrap.contract import StackContract
from stack_bootstrap.registration.errors import RegistrationError, raise_any

TRACKER_FLAVORS = frozenset({"mlflow"})
"""Flavors of ZenML experiment trackers that runs have an adapter for. Whoever adds an adapter adds its flavor here."""


def refuse_untracked(contracts: Iterable[StackContract]) -> None:
    """Refuse stacks whose experiment tracker no run could be tracked in.

    Raises:
        RegistrationError: a tracker is of another flavor than :data:`TRACKER_FLAVORS`. All such trackers are named.
    """
    raise_any(
        [
            RegistrationError(
                "experiment_tracker component",
                contract.stack.name,
                f"is of the flavor {tracker.flavor!r}, which runs have no adapter for, so that they would be tracked "
                f"nowhere; use {' or '.join(sorted(TRACKER_FLAVORS))}: name a server (mlflow_tracking_uri) in the "
                f"section {contract.cloud} of {contract.environment}.yaml, and apply",
            )
            for contract in contracts
            if (tracker := contract.components.get("experiment_tracker")) and tracker.flavor not in TRACKER_FLAVORS
        ]
    )
