"""The JSON Schema of a model's config, for editors."""

from __future__ import annotations

import json
from pathlib import Path

from pipelines.config import CONFIGS, ModelConfig

SCHEMA_FILE = CONFIGS / "schema" / "model.schema.json"


def render_schema() -> str:
    """Return the schema's text, as it should stand in ``pipelines/configs/schema``."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **ModelConfig.model_json_schema()}
    return json.dumps(schema, indent=2) + "\n"


def write_schema(file: Path = SCHEMA_FILE) -> bool:
    """Write the schema if it differs from what is there; true when it did."""
    text = render_schema()
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return True
