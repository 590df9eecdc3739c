"""The resources of a plan as they are and as they will be, each with the team that pays for it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from environments import PLATFORM

_KEY = re.compile(r'\["([^"]+)"\]')


@dataclass(frozen=True)
class PlannedResource:
    """One managed resource in the JSON of ``terraform show -json``."""

    address: str
    kind: str
    before: Mapping[str, Any] | None
    """Its attributes now; ``None`` where it does not exist yet."""
    after: Mapping[str, Any] | None
    """Its attributes once the plan is applied; ``None`` where it will be gone."""
    team: str


def planned_resources(plan: Mapping[str, Any], teams: Collection[str]) -> Iterator[PlannedResource]:
    """List every managed resource that exists before or after ``plan``.

    It belongs to the team that its labels name, else to the first of ``teams`` that its address is keyed by, else to
    the platform.
    """
    known = {*teams, PLATFORM}
    for found in plan.get("resource_changes", []):
        change = found["change"]
        before, after = change.get("before"), change.get("after")
        if found.get("mode") == "managed" and (before is not None or after is not None):
            yield PlannedResource(
                found["address"], found["type"], before, after, _team(found["address"], after or before or {}, known)
            )


def _team(address: str, values: Mapping[str, Any], known: Collection[str]) -> str:
    for attribute in ("tags_all", "tags", "effective_labels", "labels"):
        named = (values.get(attribute) or {}).get("team")
        if named in known:
            return str(named)
    return next((key for key in _KEY.findall(address) if key in known), PLATFORM)
