"""The JSON Schema of the stack contract, for whoever reads or writes one without Python."""

from __future__ import annotations

from environments import CHECKOUT
from stack_bootstrap.contract import json_schema

FILE = CHECKOUT / "infra" / "schema" / "stacks.schema.json"


def write() -> bool:
    """Write the schema; returns whether it changed."""
    text = json_schema()
    if FILE.is_file() and FILE.read_text(encoding="utf-8") == text:
        return False
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text, encoding="utf-8")
    return True
