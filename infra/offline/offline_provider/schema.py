"""Recorded schemas: reading them, and turning them into what the plugin protocol serves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).resolve().parent.parent / "recordings"

Block = Mapping[str, Any]
"""A block as ``terraform providers schema -json`` writes it: ``attributes`` and ``block_types``."""


def read_recording(provider: str, directory: Path = RECORDINGS) -> dict[str, Any]:
    """Read the committed recording of ``provider``: ``source``, ``version``, ``provider`` and the schemas by type."""
    loaded: dict[str, Any] = json.loads((directory / f"{provider}.json").read_text(encoding="utf-8"))
    return loaded


def children(block: Block) -> Iterator[tuple[str, str, Block]]:
    """Name, nesting mode and block of everything nested in ``block``: nested blocks and nested attributes."""
    for name, nested in block.get("block_types", {}).items():
        yield name, nested["nesting_mode"], nested["block"]
    for name, attribute in block.get("attributes", {}).items():
        if "nested_type" in attribute:
            yield name, attribute["nested_type"]["nesting_mode"], attribute["nested_type"]


def empty(block: Block) -> dict[str, Any]:
    """Return an object of the block's type in which nothing is set."""
    value: dict[str, Any] = dict.fromkeys(block.get("attributes", {}))
    for name, nested in block.get("block_types", {}).items():
        value[name] = {"list": [], "set": [], "map": {}}.get(nested["nesting_mode"])
    return value


def conform(block: Block, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``value`` with exactly the keys that ``block`` has, as an older state may lack or hold others."""
    complete = empty(block)
    for name in complete:
        if value.get(name) is not None:
            complete[name] = value[name]
    for name, mode, nested in children(block):
        inner = complete[name]
        if mode in ("list", "set") and isinstance(inner, list):
            complete[name] = [conform(nested, element) for element in inner]
        elif mode == "map" and isinstance(inner, dict):
            complete[name] = {key: conform(nested, element) for key, element in inner.items()}
        elif isinstance(inner, dict):
            complete[name] = conform(nested, inner)
    return complete


def to_message(recorded: Mapping[str, Any]) -> Any:
    """Return the protocol's ``Schema`` message of one recorded schema."""
    from tf.gen import tfplugin_pb2 as pb

    return pb.Schema(version=recorded.get("version", 0), block=_block(recorded.get("block", {})))


def _block(block: Block) -> Any:
    from tf.gen import tfplugin_pb2 as pb

    message = pb.Schema.Block()
    for name, attribute in sorted(block.get("attributes", {}).items()):
        message.attributes.append(_attribute(name, attribute))
    for name, nested in sorted(block.get("block_types", {}).items()):
        message.block_types.append(
            pb.Schema.NestedBlock(
                type_name=name,
                block=_block(nested["block"]),
                nesting=pb.Schema.NestedBlock.NestingMode.Value(nested["nesting_mode"].upper()),
                min_items=nested.get("min_items", 0),
                max_items=nested.get("max_items", 0),
            )
        )
    return message


def _attribute(name: str, attribute: Mapping[str, Any]) -> Any:
    from tf.gen import tfplugin_pb2 as pb

    flags = {flag: attribute.get(flag, False) for flag in ("required", "optional", "computed", "sensitive")}
    message = pb.Schema.Attribute(name=name, **flags)
    if "nested_type" in attribute:
        nested = attribute["nested_type"]
        message.nested_type.nesting = pb.Schema.Object.NestingMode.Value(nested["nesting_mode"].upper())
        for inner, described in sorted(nested["attributes"].items()):
            message.nested_type.attributes.append(_attribute(inner, described))
    else:
        message.type = json.dumps(attribute["type"]).encode()
    if attribute.get("write_only"):
        # Field 11, ``bool write_only`` (tfplugin6.8), which the generated code is too old to know. Protocol buffers
        # keep a field that they do not know and send it on.
        message.MergeFromString(b"\x58\x01")
    return message
