"""The simulation is faithful: the same AWS root planned by the real provider gives the same resources and values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.aws.conftest import Applied
from tests.infra.offline.simulated import plan_root

pytestmark = pytest.mark.xdist_group("aws")


def changes(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        change["address"]: change["change"]
        for change in plan["resource_changes"]
        if change["mode"] == "managed" and "create" in change["change"]["actions"]
    }


def departures(offline: Any, real: Any, unknown: Any, path: str = "") -> Iterator[str]:
    """Where a value that was configured is not what the real provider plans.

    What the real one adds are defaults, which a schema does not tell; what it does not know yet cannot be compared.
    """
    if offline in (None, {}, []) or unknown is True:
        return
    if isinstance(offline, dict):
        if not isinstance(real, dict):
            yield f"{path}: {real!r} is no object"
            return
        for key, value in offline.items():
            inner = unknown.get(key) if isinstance(unknown, dict) else None
            yield from departures(value, real.get(key), inner, f"{path}.{key}".strip("."))
    elif isinstance(offline, list):
        if not isinstance(real, list) or len(offline) != len(real):
            yield f"{path}: {offline!r} here, {real!r} there"
            return
        for element in offline:  # sets come in an order that depends on what the real provider adds
            if not any(not list(departures(element, other, None)) for other in real) and not unknown:
                yield f"{path}: {element!r} is not in {real!r}"
    elif isinstance(offline, str) and offline.startswith("{") and isinstance(real, str):
        if json.loads(offline) != json.loads(real):  # the real one writes policies in a form of its own
            yield f"{path}: another document"
    elif offline != real:
        yield f"{path}: {offline!r} here, {real!r} there"


@pytest.mark.parametrize("environment", ["dev", "production"])
def test_both_plan_the_same(environment: str, applied: dict[str, Applied]) -> None:
    real = changes(applied[environment].plan)
    offline = changes(plan_root(applied[environment].ground.settings, environment, "aws"))
    assert set(offline) == set(real)
    assert len(offline) > 100
    problems = [
        f"{address}: {problem}"
        for address, change in offline.items()
        for problem in departures(change["after"], real[address]["after"], real[address]["after_unknown"])
    ]
    assert not problems, "\n".join(problem[:300] for problem in problems[:20])
