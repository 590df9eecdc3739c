"""What counts as a risk, and how rows are labelled. 1 is risk everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pipelines.columns import category_text
from pipelines.config import Target
from pipelines.errors import PipelineError
from pipelines.strict import StrictModel

if TYPE_CHECKING:
    import pandas as pd


class LabelError(PipelineError):
    """The target column cannot be labelled; the message says why."""


class RiskDefinition(StrictModel):
    """A target's rule with every number known, so that any data can be labelled in the same way."""

    column: str
    meaning: str = Field(description="In words: what a risk of 1 says of a row.")
    values: Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        default=None, description="These values, as text, are a risk."
    )
    above: float | None = Field(default=None, description="Values above this number are a risk.")
    quantile: float | None = Field(
        default=None, description="The quantile of the training rows that `above` was computed from."
    )

    def label(self, target: pd.Series) -> pd.Series:
        """Return 1 where ``target`` is a risk and 0 where not, as int64.

        Raises:
            LabelError: a value is missing, or the rule does not fit the column's type.
        """
        missing = int(target.isna().sum())
        if missing:
            raise LabelError(f"target {self.column!r} is missing in {missing} of {len(target)} rows")
        if self.values is not None:
            return target.map(category_text).isin(self.values).astype("int64")
        assert self.above is not None
        return (_numbers(target, self.column) > self.above).astype("int64")


def define_risk(rule: Target, target: pd.Series) -> RiskDefinition:
    """Define risk by ``rule`` on the rows of ``target``.

    A quantile is interpolated linearly between the two nearest values, as ``numpy.quantile`` does.

    Raises:
        LabelError: a value that is said to be a risk never occurs, or a number is needed and the column has none.
    """
    if rule.risk_values is not None:
        values = tuple(category_text(value) for value in rule.risk_values)
        found = sorted(target.dropna().map(category_text).unique())
        missing = [value for value in values if value not in found]
        if missing:
            shown = ", ".join(found[:10]) + (", ..." if len(found) > 10 else "")
            raise LabelError(
                f"target.risk_values: {', '.join(missing)} does not occur in {rule.column!r}; it holds {shown}"
            )
        return RiskDefinition(column=rule.column, meaning=rule.meaning, values=values)
    if rule.above is not None:
        return RiskDefinition(column=rule.column, meaning=rule.meaning, above=rule.above)
    return RiskDefinition(
        column=rule.column,
        meaning=rule.meaning,
        above=float(_numbers(target, rule.column).quantile(rule.above_quantile)),
        quantile=rule.above_quantile,
    )


def _numbers(target: pd.Series, column: str) -> pd.Series:
    if target.dtype.kind not in "iuf":
        raise LabelError(f"target {column!r} is of type {target.dtype}; 'above' and 'above_quantile' need a number")
    return target
