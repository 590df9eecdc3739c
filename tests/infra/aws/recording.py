"""What of an applied environment is kept as a recording, for tests that must run where there is no Terraform."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "terraform"

_MADE_UP = (
    (re.compile(r"\b(eipalloc|eni|rtb|sg|subnet|vpc|vpce)-[0-9a-f]{8,17}\b"), r"\1-00000000000000000"),
    (re.compile(r"(arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[\w-]+)-[A-Za-z0-9]{6}\b"), r"\1-000000"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "00000000-0000-0000-0000-000000000000"),
)
"""Identifiers that AWS makes up, and what stands for them: a second recording then equals the first."""


def sanitise(recorded: dict[str, Any]) -> dict[str, Any]:
    """A recording without anything secret: outputs that are not sensitive, and no attribute of any resource.

    pytest-terraform itself would keep every attribute of the first instance of each resource, and sensitive outputs.
    """
    outputs = {name: it for name, it in recorded["outputs"].items() if not it.get("sensitive")}
    text = json.dumps(outputs, sort_keys=True)
    for made_up, stand_in in _MADE_UP:
        text = made_up.sub(stand_in, text)
    return {"pytest-terraform": recorded["pytest-terraform"], "outputs": json.loads(text), "resources": {}}
