"""What a gate decided, and the error that stops a run when it decided against."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict

from governance.errors import Refused


class Check(BaseModel):
    """One comparison of a measured value with what is allowed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    value: float | None
    bound: Literal["at least", "at most"]
    threshold: float
    detail: str = ""

    @property
    def passed(self) -> bool:
        """Whether the value is within the bound. A value that is missing or not a number never passes."""
        if self.value is None or math.isnan(self.value):
            return False
        return self.value >= self.threshold if self.bound == "at least" else self.value <= self.threshold

    def __str__(self) -> str:
        """The comparison as a person reads it, with enough digits to tell the two numbers apart."""
        value = "missing" if self.value is None else f"{self.value:.4g}"
        verdict = "is" if self.passed else "must be"
        return f"{self.name} {value} {verdict} {self.bound} {self.threshold:.4g}" + (
            f" ({self.detail})" if self.detail else ""
        )


class GateResult(BaseModel):
    """The verdict of one gate on one piece of evidence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gate: str
    model: str
    environment: str
    evidence_digest: str
    checks: tuple[Check, ...]

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def passed(self) -> bool:
        """Whether there was something to check and all of it passed."""
        return bool(self.checks) and not self.failures

    def require(self) -> GateResult:
        """This result, if it passed.

        Raises:
            GateFailed: it did not.
        """
        if not self.passed:
            raise GateFailed(self)
        return self


SUFFIX = " gate"


def metadata_key(gate: str) -> str:
    """The run metadata key that holds the verdict of ``gate``."""
    return gate + SUFFIX


class GateFailed(Refused):
    """A gate said no. The message names the gate, the model, the environment and each failed check."""

    def __init__(self, result: GateResult) -> None:
        """Keep the result, so that callers can show it."""
        self.result = result
        reasons = "; ".join(map(str, result.failures)) or "there was nothing to check"
        super().__init__(f"Gate {result.gate!r} stopped {result.model} in {result.environment}: {reasons}.")

    def __reduce__(self) -> tuple[type[GateFailed], tuple[GateResult]]:
        """Pickle by the result; the message is made from it again."""
        return type(self), (self.result,)
