"""What a model predicts, and how rows are labelled with it.

Binary: 1 is risk everywhere. Multiclass: classes are numbered from 0 in the order of their names in the config.
Regression: the target as it is, in its own unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from pipelines.columns import category_text
from pipelines.config import Target, Task
from pipelines.errors import PipelineError
from pipelines.strict import StrictModel

if TYPE_CHECKING:
    import pandas as pd

OTHER: Final = "other"
"""The class of every value that a multiclass target allows and does not name."""


def in_words(task: Task, counts: dict[str, int]) -> str:
    """Say how many rows have which label; nothing of numbers."""
    if task == "binary":
        return f"{counts['risk']} at risk"
    return ", ".join(f"{count} {name}" for name, count in counts.items())


class LabelError(PipelineError):
    """The target column cannot be labelled; the message says why."""


class LabelDefinition(StrictModel):
    """A target's rule with every number known, so that any data can be labelled in the same way."""

    task: Task = "binary"
    column: str
    meaning: str = Field(description="In words: what a risk of 1 says of a row, what the classes or the number are.")
    values: Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        default=None, description="Of a binary target: these values, as text, are a risk."
    )
    others: tuple[str, ...] | None = Field(
        default=None, description="Of a binary target: the values that are none. None: every other value."
    )
    above: float | None = Field(default=None, description="Values above this number are a risk.")
    quantile: float | None = Field(
        default=None, description="The quantile of the training rows that `above` was computed from."
    )
    classes: tuple[str, ...] = Field(default=(), description="Of a multiclass target, in the order of their labels.")
    unit: str = Field(default="", description="Of a number to predict.")
    mean: float = Field(default=0, description="Of a number to predict, in the training rows: the trivial prediction.")
    deviation: float = Field(default=1, description="Of a number to predict: its standard deviation in those rows.")

    @property
    def rule(self) -> str:
        """Say which values of which column mean what."""
        if self.task == "regression":
            return f"{self.column}{f' in {self.unit}' if self.unit else ''}"
        if self.task == "multiclass":
            return f"{self.column} is one of {', '.join(self.classes)}"
        if self.values is not None:
            return f"{self.column} is {' or '.join(self.values)}"
        of_quantile = f", the {self.quantile:g} quantile of the training rows" if self.quantile is not None else ""
        return f"{self.column} above {self.above:g}{of_quantile}"

    @property
    def names(self) -> tuple[str, ...]:
        """What the labels 0, 1 and so on are called; empty for a number."""
        return {"binary": ("other", "risk"), "multiclass": self.classes, "regression": ()}[self.task]

    def label(self, target: pd.Series) -> pd.Series:
        """Return the label of each row: int64 from 0 for classes, 1 being a risk, and float64 for a number.

        Raises:
            LabelError: a value is missing, is one that nobody named, or does not fit the rule.
        """
        missing = int(target.isna().sum())
        if missing:
            raise LabelError(f"target {self.column!r} is missing in {missing} of {len(target)} rows")
        if self.task == "regression":
            return _finite(_numbers(target, self.column), self.column)
        if self.values is not None or self.classes:
            texts = target.map(category_text)
            named = self.classes or (None if self.others is None else (*(self.values or ()), *self.others))
            if named is not None and not (self.classes and OTHER in self.classes):
                refuse_unnamed(texts, named, self.column)
            if self.classes:
                numbers = {name: number for number, name in enumerate(self.classes)}
                return texts.map(lambda text: numbers.get(text, numbers.get(OTHER, -1))).astype("int64")
            return texts.isin(self.values or ()).astype("int64")
        assert self.above is not None
        return (_numbers(target, self.column) > self.above).astype("int64")

    def count(self, labels: pd.Series) -> dict[str, int]:
        """Count the rows of each label, by its name; nothing for a number."""
        found = labels.value_counts()
        return {name: int(found.get(number, 0)) for number, name in enumerate(self.names)}


def define_label(task: Task, rule: Target, target: pd.Series) -> LabelDefinition:
    """Define the label by ``rule`` on the rows of ``target``.

    A quantile is interpolated linearly between the two nearest values, as ``numpy.quantile`` does.

    Raises:
        LabelError: a value that is named never occurs, one occurs that nobody named, or a number is needed and the
            column has none.
    """
    common = {"task": task, "column": rule.column, "meaning": rule.meaning}
    if task == "regression":
        numbers = _finite(_numbers(target, rule.column), rule.column)
        mean, deviation = float(numbers.mean()), float(numbers.std(ddof=0))
        if not deviation > 0:
            raise LabelError(f"target {rule.column!r} is {mean:g} in every row, so there is nothing to predict")
        return LabelDefinition(**common, unit=rule.unit, mean=mean, deviation=deviation)
    if task == "multiclass":
        classes = _named(rule.classes or (), target, rule.column, "target.classes")
        if rule.other_values == "allow":
            return LabelDefinition(**common, classes=(*classes, OTHER))
        refuse_unnamed(target.dropna().map(category_text), classes, rule.column)
        return LabelDefinition(**common, classes=classes)
    if rule.risk_values is not None:
        values = _named(rule.risk_values, target, rule.column, "target.risk_values")
        if rule.other_values == "allow":
            return LabelDefinition(**common, values=values)
        texts = target.dropna().map(category_text)
        if rule.other_values is not None:
            others = tuple(category_text(value) for value in rule.other_values)
        else:
            others = tuple(sorted(set(texts) - set(values)))
            if len(others) > 1:
                # Of two values the one that is no risk needs no name; of more, one may be a mistake.
                refuse_unnamed(texts, values, rule.column)
        refuse_unnamed(texts, (*values, *others), rule.column)
        return LabelDefinition(**common, values=values, others=others)
    if rule.above is not None:
        return LabelDefinition(**common, above=rule.above)
    quantile = float(_numbers(target, rule.column).quantile(rule.above_quantile))
    return LabelDefinition(**common, above=quantile, quantile=rule.above_quantile)


def refuse_unnamed(texts: pd.Series, named: tuple[str | None, ...], column: str) -> None:
    """Refuse values of a target that nobody named.

    Raises:
        LabelError: there are some; the message lists the ten most frequent with their rows, and what to do.
    """
    unnamed = texts[~texts.isin(named)].value_counts()
    if len(unnamed):
        told = ", ".join(f"{value!r} in {count} rows" for value, count in unnamed.head(10).items())
        more = f" and {len(unnamed) - 10} more" if len(unnamed) > 10 else ""
        raise LabelError(
            f"target {column!r} holds values that the config does not name: {told}{more}. Name them under "
            "target (classes, risk_values, other_values), take those rows out, or set other_values: allow"
        )


def _named(given: tuple[bool | int | str, ...], target: pd.Series, column: str, key: str) -> tuple[str, ...]:
    """Return named values as text, once each is shown to occur."""
    values = tuple(category_text(value) for value in given)
    found = sorted(target.dropna().map(category_text).unique())
    missing = [value for value in values if value not in found]
    if missing:
        shown = ", ".join(found[:10]) + (", ..." if len(found) > 10 else "")
        raise LabelError(f"{key}: {', '.join(missing)} does not occur in {column!r}; it holds {shown}")
    return values


def _numbers(target: pd.Series, column: str) -> pd.Series:
    if target.dtype.kind not in "iuf":
        raise LabelError(f"target {column!r} is of type {target.dtype}; a number is needed")
    return target


def _finite(target: pd.Series, column: str) -> pd.Series:
    import numpy as np

    values = target.astype("float64")
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise LabelError(f"target {column!r} is infinite in {infinite} of {len(target)} rows")
    return values
