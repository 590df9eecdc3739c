"""What others read of the models without Python: JSON Schemas for editors, defaults for Terraform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from environments.files import replace_if_changed
from environments.load import CHECKOUT, DIRECTORY
from environments.model import CLOUDS, Audit, Budget, Environment, PlatformSettings, Team
from environments.people import PeopleSettings
from environments.server import ServerSettings

SCHEMAS: dict[str, type[BaseModel]] = {
    "environment.schema.json": Environment,
    "people.schema.json": PeopleSettings,
    "platform.schema.json": PlatformSettings,
    "server.schema.json": ServerSettings,
    "team.schema.json": Team,
}


DEFAULTS = CHECKOUT / "infra" / "modules" / "shared" / "settings" / "defaults.json"
"""Where Terraform reads what a settings file may leave out."""


def rendered() -> dict[Path, str]:
    """Return what ``make schema`` writes: the text of each JSON Schema and of the defaults, by its file."""
    schemas = {
        DIRECTORY / "schema" / name: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **model.model_json_schema(),
        }
        for name, model in SCHEMAS.items()
    }
    return {file: json.dumps(found, indent=2) + "\n" for file, found in {**schemas, DEFAULTS: defaults()}.items()}


def defaults() -> dict[str, Any]:
    """Return the models' defaults as far as Terraform uses them.

    ``parts`` holds those of the objects inside a cloud's section, by their key there.
    """
    sections = {cloud: _model_of(Environment, cloud) for cloud in CLOUDS}
    parts = {
        key: part
        for model in sections.values()
        if model
        for key in model.model_fields
        if (part := _model_of(model, key))
    }
    return {
        "audit": _defaults_of(Audit),
        "budget": _defaults_of(Budget),
        "clouds": {cloud: _defaults_of(model) for cloud, model in sections.items() if model},
        "parts": {key: _defaults_of(part) for key, part in sorted(parts.items())},
        "protected": Environment.model_fields["protected"].default,
        "server": {
            **_defaults_of(ServerSettings),
            **{
                key: _defaults_of(part)
                for key in ServerSettings.model_fields
                if (part := _model_of(ServerSettings, key))
            },
        },
    }


def _model_of(model: type[BaseModel], field: str) -> type[BaseModel] | None:
    """Return the model that the value of ``field`` is of, if it is one."""
    annotation = model.model_fields[field].annotation
    for found in (annotation, *get_args(annotation)):
        if isinstance(found, type) and issubclass(found, BaseModel):
            return found
    return None


def _defaults_of(model: type[BaseModel]) -> dict[str, Any]:
    fields = {name: field for name, field in model.model_fields.items() if not field.is_required()}
    return {name: to_jsonable_python(field.get_default()) for name, field in sorted(fields.items())}


def write() -> list[Path]:
    """Write what others read, and return the files that changed."""
    return [file for file, text in rendered().items() if replace_if_changed(file, text)]
