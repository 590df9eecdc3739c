"""Infracost's estimate of a plan, where its program and key are there.

Format: https://www.infracost.io/docs/features/json_output/ (``infracost breakdown --format json``, version 0.2).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from environments import Cloud, Environment
from governance.core.errors import RefusedError
from governance.cost.estimate import NOTHING, Estimate, Line, Part, State, region_of
from governance.cost.plan_states import planned_resources
from governance.cost.resources import FREE

PROGRAM = "infracost"
KEY = "INFRACOST_API_KEY"
_TIMEOUT_SECONDS = 300


class InfracostError(RefusedError):
    """Infracost failed or answered with something else than its format."""


def find_infracost(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the path of the program, or None unless it is there with its key."""
    return shutil.which(PROGRAM, path=environ.get("PATH")) if environ.get(KEY) else None


def estimate_with_infracost(
    program: str, plan: Mapping[str, Any], environment: Environment, cloud: Cloud, teams: Sequence[str]
) -> Estimate:
    """Let ``program`` price ``plan``.

    A resource that it does not support, or whose cost depends on usage that it does not know, is unknown; it is free
    only when it is listed so, or is free by nature.

    Raises:
        InfracostError: it failed, or its answer is not in its documented format.
    """
    # A plan holds sensitive values in clear, so it is on disk only while Infracost reads it, and for this user only.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.json"
        file.write_text(json.dumps(plan), encoding="utf-8")
        command = [program, "breakdown", "--path", str(file), "--format", "json", "--no-color"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InfracostError(f"{program} did not answer: {error}") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-5:]
        raise InfracostError(f"{program} failed:\n" + "\n".join(said or ["(it said nothing)"]))
    try:
        return read_infracost(json.loads(done.stdout), plan, environment, cloud, teams)
    except ValueError as error:
        raise InfracostError(f"{program} did not answer in JSON: {error}") from error


def read_infracost(
    answer: Mapping[str, Any],
    plan: Mapping[str, Any],
    environment: Environment,
    cloud: Cloud,
    teams: Sequence[str],
) -> Estimate:
    """Read ``answer`` (Infracost's JSON about ``plan``) as an estimate.

    Raises:
        InfracostError: it departs from the documented format.
    """
    try:
        currency = str(answer["currency"])
        found = {"breakdown": {}, "pastBreakdown": {}}  # type: dict[str, dict[str, Mapping[str, Any]]]
        listed_free = set()
        for project in answer["projects"]:
            for when, resources in found.items():
                for resource in (project.get(when) or {}).get("resources") or ():
                    resources[resource["name"]] = resource
            for resource in (project.get("breakdown") or {}).get("freeResources") or ():
                listed_free.add(resource["name"])
        lines = []
        for resource in planned_resources(plan, teams):
            after = found["breakdown"].get(resource.address) if resource.after is not None else None
            before = found["pastBreakdown"].get(resource.address) if resource.before is not None else None
            planned, parts, unpriced = _monthly(after)
            now, *_ = _monthly(before)
            state: State
            if after is None and before is None:
                free = resource.address in listed_free or resource.kind in FREE
                state = "free" if free else "unknown"
                reason = FREE.get(resource.kind, "listed as free") if free else "Infracost does not support it"
            else:
                state = "priced" if not unpriced else "partly" if parts else "unknown"
                reason = f"depends on usage: {', '.join(unpriced)}" if unpriced else ""
            lines.append(
                Line(
                    address=resource.address,
                    kind=resource.kind,
                    team=resource.team,
                    state=state,
                    reason=reason,
                    parts=parts,
                    now=now,
                    planned=planned,
                )
            )
    except (KeyError, TypeError, AttributeError, InvalidOperation) as error:
        raise InfracostError(
            f"Infracost's answer is not in the format that is known here (version 0.2): {type(error).__name__} {error}"
        ) from error
    return Estimate(
        environment=environment.environment,
        cloud=cloud,
        region=region_of(environment, cloud),
        currency=currency,
        source="infracost",
        lines=tuple(lines),
    )


def _monthly(resource: Mapping[str, Any] | None) -> tuple[Decimal, tuple[Part, ...], list[str]]:
    """Return what a resource costs a month, of what parts, and names of the parts whose cost is not known."""
    if resource is None:
        return NOTHING, (), []
    parts, unpriced = [], []
    for component in resource.get("costComponents") or ():
        if component["monthlyCost"] is None:
            unpriced.append(str(component["name"]))
        else:
            parts.append(
                Part(
                    item=str(component["name"]),
                    quantity=Decimal(component.get("monthlyQuantity") or 0),
                    unit=str(component["unit"]),
                    price=Decimal(component["price"]),
                    monthly=Decimal(component["monthlyCost"]),
                )
            )
    for inner in resource.get("subresources") or ():
        _, more, missing = _monthly(inner)
        parts += more
        unpriced += missing
    return sum((part.monthly for part in parts), NOTHING), tuple(parts), unpriced
