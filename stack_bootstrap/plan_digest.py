"""One digest over what a plan would do, so that a plan made later can be held to the one that was reviewed.

A plan file holds secrets and fits one state, so it does not leave the machine that made it. The digest may: it covers
what happens to every resource and output, and values that Terraform marks as sensitive are left out of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from environments.files import sha256_hex

_SENSITIVE = "(sensitive)"


def plan_digest(plan: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hexadecimal, over the changes in a plan of ``terraform show -json``.

    Two plans have the same digest when they do the same: the same actions at the same addresses that end in the same
    values. What a resource was before does not count, but for its id where it would be deleted or replaced.

    Args:
        plan: the plan as Terraform's JSON (developer.hashicorp.com/terraform/internals/json-format). An empty mapping
            stands for a plan that changes nothing.
    """
    does = {
        "resources": sorted(_resources(plan), key=lambda change: (change["address"], change["deposed"] or "")),
        "outputs": {
            name: {"actions": change["actions"], "after": _after(change), "unknown": change.get("after_unknown")}
            for name, change in plan.get("output_changes", {}).items()
            if change["actions"] != ["no-op"]
        },
    }
    canonical = json.dumps(does, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256_hex(canonical)


def joined_digest(outside: str, inside: str) -> str:
    """Return one digest of a plan and of what changes inside the cluster; the plan's own where nothing does."""
    return sha256_hex(f"{outside}\n{inside}") if inside else outside


def _resources(plan: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in plan.get("resource_changes", []):
        change = resource["change"]
        moved, imported = resource.get("previous_address"), change.get("importing")
        if change["actions"] == ["no-op"] and moved is None and imported is None:
            continue
        yield {
            "address": resource["address"],
            "deposed": resource.get("deposed"),
            "moved": moved,
            "imported": imported,
            "type": resource["type"],
            "provider": resource["provider_name"],
            "actions": change["actions"],
            "gone": (change.get("before") or {}).get("id") if "delete" in change["actions"] else None,
            "after": _after(change),
            "unknown": change.get("after_unknown"),
            "replaced_for": change.get("replace_paths"),
        }


def _after(change: Mapping[str, Any]) -> Any:
    return _masked(change.get("after"), change.get("after_sensitive"))


def _masked(value: Any, sensitive: Any) -> Any:
    """Return ``value`` without what ``sensitive``, of the same shape, marks with true."""
    if sensitive is True:
        return _SENSITIVE
    if isinstance(value, dict) and isinstance(sensitive, dict):
        return {key: _masked(inner, sensitive.get(key)) for key, inner in value.items()}
    if isinstance(value, list) and isinstance(sensitive, list):
        marks = [*sensitive, *[None] * (len(value) - len(sensitive))]
        return [_masked(inner, mark) for inner, mark in zip(value, marks, strict=False)]
    return value
