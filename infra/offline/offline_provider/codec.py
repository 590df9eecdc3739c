"""Terraform values on the wire: MessagePack, in which an unknown value is an extension type."""

from __future__ import annotations

import json
from typing import Any

import msgpack

from offline_provider.values import UNKNOWN

# cty encodes an unknown value as extension 0, and one with refinements (not null, a prefix …) as extension 12.
_UNKNOWN_EXTENSIONS = frozenset({0, 12})


def _extension(code: int, _data: bytes) -> Any:
    if code in _UNKNOWN_EXTENSIONS:
        return UNKNOWN
    raise ValueError(f"MessagePack extension {code} has no meaning in a Terraform value")


def _default(value: Any) -> Any:
    if value is UNKNOWN:
        return msgpack.ExtType(0, b"\0")
    raise TypeError(f"{type(value).__name__} is no Terraform value")


def decode(wire: Any) -> Any:
    """Decode the value of a ``DynamicValue`` or ``RawState`` message; None for an absent one."""
    if getattr(wire, "msgpack", b""):
        return msgpack.unpackb(wire.msgpack, ext_hook=_extension, strict_map_key=False)
    if wire.json:
        return json.loads(wire.json)
    return None


def encode(value: Any) -> bytes:
    """Encode ``value`` as MessagePack.

    Raises:
        TypeError: it holds something that no Terraform value can be.
    """
    packed: bytes = msgpack.packb(value, default=_default)
    return packed
