"""How much is assumed to be used in a month: ``usage.yaml`` beside this file, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError, model_validator

from environments.model import EnvironmentName
from environments.strict import StrictModel
from governance.cost.prices import PriceBookError

FILE = Path(__file__).resolve().parent / "usage.yaml"

Quantity = Annotated[Decimal, Field(ge=0)]


class Assumptions(StrictModel):
    """Quantities a month by name; an environment overrides what it names."""

    defaults: dict[str, Quantity]
    environments: dict[EnvironmentName, dict[str, Quantity]] = Field(default={})

    @model_validator(mode="after")
    def _overrides_exist(self) -> Assumptions:
        for environment, quantities in self.environments.items():
            unknown = sorted(set(quantities) - set(self.defaults))
            if unknown:
                raise ValueError(f"environments.{environment}: {', '.join(unknown)} is not among the defaults")
        return self

    def of(self, environment: str) -> Mapping[str, Decimal]:
        """Return the quantities that hold in ``environment``."""
        return {**self.defaults, **self.environments.get(environment, {})}


def load_assumptions(file: Path = FILE) -> Assumptions:
    """Read the assumptions in ``file``.

    Raises:
        PriceBookError: the file is missing, no YAML, or breaks the model.
    """
    try:
        return Assumptions.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise PriceBookError(f"{file}: {error}") from error
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        raise PriceBookError(f"{file}:\n" + "\n".join(lines)) from error
