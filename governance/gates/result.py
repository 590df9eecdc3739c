"""What a gate measured and decided, and the error that stops a run when it decided against."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, computed_field, model_validator

from environments.files import sha256_hex
from environments.strict import StrictModel
from governance.core.errors import RefusedError
from governance.gates.exemptions import Exemption

Verdict = Literal["passed", "failed", "cannot_conclude"]
Bound = Literal["at least", "at most"]

_WORST_FIRST: tuple[Verdict, ...] = ("failed", "cannot_conclude", "passed")


class _Judged(StrictModel):
    """Frozen, with a verdict that follows from the figures: one that was written down otherwise is refused."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> Verdict:
        """What the figures say."""
        return self._decide()

    def _decide(self) -> Verdict:
        raise NotImplementedError

    @property
    def passed(self) -> bool:
        """Whether the verdict is that it passed."""
        return self.verdict == "passed"

    @model_validator(mode="wrap")
    @classmethod
    def _verdict_follows(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        claimed = None
        if isinstance(given, dict):
            given = dict(given)
            claimed = given.pop("verdict", None)
        made = handler(given)
        if claimed is not None and claimed != made.verdict:
            raise ValueError(f"the verdict is given as {claimed!r}, but the figures say {made.verdict!r}")
        return made


class Measure(StrictModel):
    """One figure that a gate measured, before anything is asked of it."""

    name: str
    value: float | None
    intervals: dict[str, tuple[float, float]] = Field(
        default={}, description="Two-sided bootstrap intervals by confidence in per cent."
    )
    facts: dict[str, float] = Field(default={}, description="Counts and the like that the judgement depends on.")
    detail: str = ""

    def check(
        self, bound: Bound, threshold: float, confidence: int, unproven: str = "", detail: str | None = None
    ) -> Check:
        """Compare it with ``threshold`` by its interval at ``confidence`` per cent; without one nothing is proven."""
        lower, upper = self.intervals.get(str(confidence), (None, None))
        return Check(
            name=self.name,
            value=self.value,
            lower=lower,
            upper=upper,
            confidence=None if lower is None else confidence,
            bound=bound,
            threshold=threshold,
            unproven=unproven or ("" if lower is not None else "has no interval"),
            detail=self.detail if detail is None else detail,
        )


def find_measure(measures: Iterable[Measure], name: str) -> Measure:
    """Return the measure ``name``; one without a value where it was not measured."""
    missing = Measure(name=name, value=None, detail="was not measured")
    return next((measure for measure in measures if measure.name == name), missing)


class Check(_Judged):
    """One comparison of a measured value, and of its interval where it has one, with what is allowed."""

    name: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    confidence: int | None = Field(default=None, description="Of the interval, in per cent.")
    bound: Bound
    threshold: float
    unproven: str = Field(default="", description="Why nothing can be concluded, whatever the value.")
    detail: str = ""
    overridden_by: str | None = Field(default=None, description="Digest of the statement that sets it aside.")

    def _decide(self) -> Verdict:
        """Decide: failed if the value misses the threshold, passed only if its whole interval is within it.

        A value that is missing or not a number, or that too few rows stand behind, concludes nothing.
        """
        if self.unproven or self.value is None or math.isnan(self.value):
            return "cannot_conclude"
        if not self._clears(self.value):
            return "failed"
        nearest = self.lower if self.bound == "at least" else self.upper
        if nearest is not None and not self._clears(nearest):
            return "cannot_conclude"
        return "passed"

    def _clears(self, value: float) -> bool:
        return value >= self.threshold if self.bound == "at least" else value <= self.threshold

    @property
    def settled(self) -> bool:
        """Whether it passed, or could not conclude and was set aside."""
        return self.passed or (self.verdict == "cannot_conclude" and self.overridden_by is not None)

    def __str__(self) -> str:
        """Return the comparison as a person reads it, with enough digits to tell the numbers apart.

        A yes or no, counted as one or none, is said by its detail: the numbers tell nothing.
        """
        if self.passed and self.detail and self.bound == "at least" and self.value == self.threshold in (0, 1):
            return f"{self.name}: {self.detail}"
        value = "missing" if self.value is None else f"{self.value:.4g}"
        interval = ""
        if self.lower is not None and self.upper is not None:
            interval = f", {self.confidence} % interval {self.lower:.4g} to {self.upper:.4g},"
        verdict = {
            "passed": "is",
            "failed": "must be",
            "cannot_conclude": "cannot be shown to be",
        }[self.verdict]
        notes = "; ".join(note for note in (self.unproven, self.detail) if note)
        aside = f" [set aside by {self.overridden_by[:12]}]" if self.overridden_by else ""
        return (
            f"{self.name} {value}{interval} {verdict} {self.bound} {self.threshold:.4g}"
            + (f" ({notes})" if notes else "")
            + aside
        )


def at_least(name: str, value: float | None, threshold: float, **more: Any) -> Check:
    """Check that ``value`` is not below ``threshold``."""
    return Check(name=name, value=value, bound="at least", threshold=threshold, **more)


def at_most(name: str, value: float | None, threshold: float, **more: Any) -> Check:
    """Check that ``value`` is not above ``threshold``."""
    return Check(name=name, value=value, bound="at most", threshold=threshold, **more)


class GateResult(_Judged):
    """The verdict of one gate on one piece of evidence."""

    gate: str
    model: str
    environment: str
    policy_version: str
    evidence: dict[str, str] = Field(description="SHA-256 of what was judged, by what it is.")
    checks: tuple[Check, ...]
    measures: tuple[Measure, ...] = Field(
        default=(), description="All that was measured, so that another environment can judge it by its own limits."
    )
    overridden_by: tuple[str, ...] = Field(default=(), description="Statements that were in force, by digest.")

    def _decide(self) -> Verdict:
        """Decide by the worst of the checks; a gate with nothing to check concludes nothing."""
        found = {check.verdict for check in self.checks}
        return next((verdict for verdict in _WORST_FIRST if verdict in found), "cannot_conclude")

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that did not pass and were not set aside."""
        return tuple(check for check in self.checks if not check.settled)

    @property
    def settled(self) -> bool:
        """Whether the way is free: something was checked, and each check passed or was set aside."""
        return bool(self.checks) and not self.failures

    @property
    def evidence_digest(self) -> str:
        """SHA-256 of the data that was judged."""
        return self.evidence["data"]

    @property
    def digest(self) -> str:
        """SHA-256 of this result as sorted JSON."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return sha256_hex(text)

    def set_aside(
        self, exemptions: Iterable[Exemption], *, model_version: str | None, model_digest: str | None, at: datetime
    ) -> GateResult:
        """Mark each check that cannot conclude by the statement that covers it at ``at``, if any.

        A check that failed stays as it is: no statement covers it.
        """
        known = tuple(exemptions)
        checks = []
        for check in self.checks:
            covering = (
                exempt
                for exempt in known
                if exempt.covers(self.gate, check.name, model_version=model_version, model_digest=model_digest, at=at)
            )
            if check.verdict == "cannot_conclude" and (cover := next(covering, None)) is not None:
                checks.append(check.model_copy(update={"overridden_by": cover.statement_digest}))
            else:
                checks.append(check)
        used = dict.fromkeys(check.overridden_by for check in checks if check.overridden_by)
        return self.model_copy(update={"checks": tuple(checks), "overridden_by": tuple(used)})

    def require(self) -> GateResult:
        """Return this result, if every check passed or was set aside.

        Raises:
            GateFailedError: one was not.
        """
        if not self.settled:
            raise GateFailedError(self)
        return self


SUFFIX = " gate"


def metadata_key(gate: str) -> str:
    """Return the run metadata key that holds the verdict of ``gate``."""
    return gate + SUFFIX


class GateFailedError(RefusedError):
    """A gate did not say yes. The message names the gate, the model, the environment and each check."""

    def __init__(self, result: GateResult) -> None:
        """Keep the result, so that callers can show it."""
        self.result = result
        reasons = "; ".join(map(str, result.failures)) or "there was nothing to check"
        super().__init__(f"Gate {result.gate!r} stopped {result.model} in {result.environment}: {reasons}.")

    def __reduce__(self) -> tuple[type[GateFailedError], tuple[GateResult]]:
        """Pickle by the result; the message is made from it again."""
        return type(self), (self.result,)
