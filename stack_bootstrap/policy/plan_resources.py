"""Reading the JSON of ``terraform show -json PLAN`` (developer.hashicorp.com/terraform/internals/json-format)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One managed resource as it will be, and as it is."""

    address: str
    type: str
    after: Mapping[str, Any]
    before: Mapping[str, Any]
    unknown: Mapping[str, Any]
    """What is only known after apply, as Terraform's tree of ``true``."""


def resources(plan: Mapping[str, Any]) -> Iterator[Resource]:
    """Yield every managed resource that exists once the plan is applied, also those that it leaves alone."""
    for found in plan.get("resource_changes", []):
        change = found["change"]
        if found.get("mode") == "managed" and change.get("after") is not None:
            unknown = change.get("after_unknown") or {}
            yield Resource(found["address"], found["type"], change["after"], change.get("before") or {}, unknown)


@dataclass(frozen=True)
class Statement:
    """One statement of a policy document, with single values made lists."""

    attribute: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[tuple[str, str], ...]
    """Kind and identifier, such as ``("AWS", "arn:…")``."""
    conditions: tuple[tuple[str, str, str], ...]
    """Operator, key and value."""


def statements(resource: Resource) -> Iterator[Statement]:
    """Yield the statements of every policy document among the attributes of ``resource``."""
    for attribute, value in resource.after.items():
        if not (isinstance(value, str) and '"Statement"' in value):
            continue
        try:
            document = json.loads(value)
        except ValueError:
            continue
        for given in _listed(document.get("Statement")):
            yield _statement(attribute, given)


def texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every string within ``value``, with the attribute that holds it."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from texts(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, key)


def _statement(attribute: str, given: Mapping[str, Any]) -> Statement:
    principal = given.get("Principal", {})
    by_kind = {"AWS": principal} if isinstance(principal, str) else principal
    return Statement(
        attribute=attribute,
        effect=given["Effect"],
        actions=tuple(_listed(given.get("Action"))),
        resources=tuple(_listed(given.get("Resource"))),
        principals=tuple((kind, name) for kind, names in by_kind.items() for name in _listed(names)),
        conditions=tuple(
            (operator, key, value)
            for operator, keys in given.get("Condition", {}).items()
            for key, values in keys.items()
            for value in _listed(values)
        ),
    )


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
