"""What state buckets of all clouds have in common: their name, their labels, and how they are brought level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from environments import Environment
from environments.errors import ExpectedError
from environments.names import spell

NONCURRENT_DAYS = 365
"""Days for which a replaced version of the state can be brought back."""

MANAGED_BY = "groundwork-state"
"""Value of the label ``managed_by`` by which a later run knows the bucket as its own."""


class StateError(ExpectedError):
    """The state bucket cannot be made or must not be touched; the message says why and what to do."""


@dataclass(frozen=True)
class StateBucket:
    """The bucket, and what this run did to it (or, in a dry run, would do)."""

    name: str
    created: bool
    changes: tuple[str, ...]


@dataclass(frozen=True)
class BucketSetting:
    """One property of a bucket: how to read it, what it must be and how to write it."""

    name: str
    read: Callable[[], Any]
    wanted: Any
    write: Callable[[], object]


def state_bucket_name(environment: Environment) -> str:
    """Return the name of the bucket that holds the Terraform state of ``environment`` on a cloud."""
    return spell("state", prefix=environment.prefix, environment=environment.environment)


def state_bucket_labels(environment: Environment) -> dict[str, str]:
    """Return the labels, or tags, of the state bucket of ``environment``."""
    return {
        **environment.labels,
        "environment": environment.environment,
        "managed_by": MANAGED_BY,
        "team": "platform",
        "zenml_stack": environment.environment,
    }
