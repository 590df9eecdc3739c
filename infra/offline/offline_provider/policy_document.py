"""``aws_iam_policy_document``, which is computed by the provider itself and so can be computed here exactly.

Follows the AWS provider's rendering: keys in a fixed order, one value as a string and several as a sorted list, and
``${`` written as ``&{`` in the configuration.
Source: internal/service/iam/policy_document_data_source.go and policy_model.go of terraform-provider-aws 5.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

_KEYS = (
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Principal",
    "NotPrincipal",
    "Condition",
)
"""A statement's keys in the order in which the provider writes them."""


def render(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the computed attributes ``id``, ``json`` and ``minified_json`` of the data source.

    Raises:
        ValueError: two statements share a ``sid``, or a merged document is no JSON.
    """
    document: dict[str, Any] = {"Version": config.get("version") or "2012-10-17"}
    if config.get("policy_id"):
        document["Id"] = config["policy_id"]
    own = [_statement(statement) for statement in config.get("statement") or []]
    sids = [statement["Sid"] for statement in own if "Sid" in statement]
    if len(set(sids)) != len(sids):
        raise ValueError("statement: two statements share a sid")
    statements = [s for source in config.get("source_policy_documents") or [] for s in _statements_of(source)]
    statements = _merge(statements, own)
    for override in config.get("override_policy_documents") or []:
        statements = _merge(statements, _statements_of(override))
    document["Statement"] = statements
    text = _html_safe(json.dumps(document, indent=2, ensure_ascii=False))
    minified = _html_safe(json.dumps(document, separators=(",", ":"), ensure_ascii=False))
    return {
        "id": str(zlib.crc32(text.encode())),
        "json": text,
        "minified_json": minified,
        "version": document["Version"],
    }


def _html_safe(text: str) -> str:
    """Escape the three characters that Go's ``encoding/json`` escapes."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _statements_of(document: str) -> list[dict[str, Any]]:
    if not document:
        return []
    found = json.loads(document).get("Statement", [])
    statements = found if isinstance(found, list) else [found]
    return [{key: statement[key] for key in _KEYS if key in statement} for statement in statements]


def _merge(base: list[dict[str, Any]], over: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Merge ``over`` after ``base``; a statement takes the place of one with the same ``Sid``."""
    merged = list(base)
    for statement in over:
        sid = statement.get("Sid")
        places = [index for index, present in enumerate(merged) if sid and present.get("Sid") == sid]
        if places:
            merged[places[0]] = statement
        else:
            merged.append(statement)
    return merged


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {}
    if given.get("sid"):
        statement["Sid"] = given["sid"]
    statement["Effect"] = given.get("effect") or "Allow"
    for key, argument in (
        ("Action", "actions"),
        ("NotAction", "not_actions"),
        ("Resource", "resources"),
        ("NotResource", "not_resources"),
    ):
        if given.get(argument):
            statement[key] = _one_or_many(given[argument])
    for key, argument in (("Principal", "principals"), ("NotPrincipal", "not_principals")):
        if given.get(argument):
            statement[key] = _principals(given[argument])
    if given.get("condition"):
        statement["Condition"] = _conditions(given["condition"])
    return statement


def _variable(text: str) -> str:
    return text.replace("&{", "${")


def _one_or_many(values: list[str]) -> str | list[str]:
    # The provider sorts in reverse order and then encodes one value as a string.
    texts = sorted({_variable(value) for value in values}, reverse=True)
    return texts[0] if len(texts) == 1 else texts


def _principals(given: list[Mapping[str, Any]]) -> str | dict[str, Any]:
    collected: dict[str, list[str]] = {}
    for principal in given:
        if principal["type"] == "*" and list(principal["identifiers"]) == ["*"]:
            return "*"
        collected.setdefault(principal["type"], []).extend(principal["identifiers"])
    return {kind: _one_or_many(collected[kind]) for kind in sorted(collected)}


def _conditions(given: list[Mapping[str, Any]]) -> dict[str, Any]:
    collected: dict[str, dict[str, list[str]]] = {}
    for condition in given:
        variables = collected.setdefault(condition["test"], {})
        variables.setdefault(condition["variable"], []).extend(_variable(value) for value in condition["values"])
    return {
        test: {name: values[0] if len(values) == 1 else values for name, values in sorted(variables.items())}
        for test, variables in sorted(collected.items())
    }
