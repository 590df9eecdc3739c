"""The section of a cloud's cluster, for tests."""

from __future__ import annotations

from typing import Any


def managed_cluster(raw: dict[str, Any]) -> dict[str, Any]:
    """What an environment's file says of an own cluster, without the store and registry that a cloud has itself."""
    own = raw["kubernetes"]
    return {key: own[key] for key in ("context", "quota", "prices", "egress")}
