"""JSON Schemas of the settings files, for editors and for whoever reads them without Python."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from environments.files import replace_if_changed
from environments.load import DIRECTORY
from environments.model import Environment, PlatformSettings, Team

SCHEMAS: dict[str, type[BaseModel]] = {
    "environment.schema.json": Environment,
    "platform.schema.json": PlatformSettings,
    "team.schema.json": Team,
}


def rendered() -> dict[str, str]:
    """File name and text of each schema, as it should stand in ``environments/schema``."""
    return {
        name: json.dumps(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}, indent=2
        )
        + "\n"
        for name, model in SCHEMAS.items()
    }


def write(directory: Path = DIRECTORY / "schema") -> list[Path]:
    """Write the schemas and return those that changed."""
    return [directory / name for name, text in rendered().items() if replace_if_changed(directory / name, text)]
