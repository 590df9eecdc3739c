"""The JSON Schema of the stack contract, for whoever reads or writes one without Python."""

from __future__ import annotations

from environments import CHECKOUT
from environments.files import replace_if_changed
from stack_bootstrap.contract import json_schema

FILE = CHECKOUT / "infra" / "schema" / "stacks.schema.json"


def write() -> bool:
    """Write the schema; returns whether it changed."""
    return replace_if_changed(FILE, json_schema())
