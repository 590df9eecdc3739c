"""``infra/policy/exceptions.yaml``: what is let through, why, and until when."""

from __future__ import annotations

import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from environments import CHECKOUT
from environments.errors import ExpectedError
from environments.strict import StrictModel
from stack_bootstrap.policy.rules import Violation

FILE = CHECKOUT / "infra" / "policy" / "exceptions.yaml"


class PolicyError(ExpectedError):
    """The policy could not be checked; the message says why."""


class PolicyException(StrictModel):
    """One rule that is not held against some resources for a time."""

    rule: Annotated[str, Field(min_length=1, description="Name of our rule, or checkov's id.")]
    address: Annotated[str, Field(min_length=1, description="Terraform address; * stands for anything.")]
    environments: tuple[str, ...] = Field(default=(), description="Where it holds. Empty: everywhere.")
    reason: Annotated[str, Field(min_length=20, description="Why the risk is accepted.")]
    expires: datetime.date = Field(description="From this day on the rule holds again.")

    def covers(self, violation: Violation, environment: str) -> bool:
        """Return whether this is about ``violation`` in ``environment``, whatever the date."""
        # [ is part of Terraform addresses and must not open a character class.
        pattern = self.address.replace("[", "[[]")
        here = not self.environments or environment in self.environments
        return here and violation.rule == self.rule and fnmatchcase(violation.address, pattern)


_EXCEPTIONS: TypeAdapter[list[PolicyException]] = TypeAdapter(list[PolicyException])


def load_exceptions(file: Path = FILE) -> list[PolicyException]:
    """Load the exceptions in ``file``.

    Raises:
        PolicyError: the file is missing, is not YAML, or an exception lacks a reason or an expiry date.
    """
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8")) or []
        return _EXCEPTIONS.validate_python(raw)
    except (OSError, yaml.YAMLError) as error:
        raise PolicyError(f"{file}: {error}") from error
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        raise PolicyError(f"{file}:\n" + "\n".join(lines)) from error
