"""What training rows looked like, column by column: what later data is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import Field

from pipelines.order_statistics import order_statistics
from pipelines.score_reference import ScoreReference
from pipelines.strict import StrictModel

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_CATEGORIES: Final = 1000


class NumericReference(StrictModel):
    """A number in the training rows."""

    missing: int
    values: tuple[float, ...] = Field(description="Sorted, so that no row can be put together again.")

    @property
    def median(self) -> float:
        """The middle value (the lower of two)."""
        return self.values[(len(self.values) - 1) // 2]


class CategoricalReference(StrictModel):
    """A category in the training rows."""

    missing: int
    counts: dict[str, int]
    others: int = Field(description="Rows of rarer categories, of which there are too many to name.")


class Reference(StrictModel):
    """Every column of the training rows: features, sensitive attributes and the label, each by itself."""

    rows: int
    numeric: dict[str, NumericReference]
    categorical: dict[str, CategoricalReference]
    predictions: NumericReference | CategoricalReference | None = Field(
        default=None, description="What the model says of these rows: probability of risk, predicted class, or number."
    )
    scored: ScoreReference | None = Field(
        default=None,
        description="What the model says of rows held out of training. None of a model that was trained before this "
        "was kept.",
    )


def describe_rows(
    training: pd.DataFrame, predictions: np.ndarray | None = None, scored: ScoreReference | None = None
) -> Reference:
    """Describe the rows of ``training`` and, if given, the ``predictions`` of them, of shape ``(rows,)``.

    Integer columns, such as the label of classes, count as categories. ``scored`` is kept as it is.
    """
    numeric, categorical = _describe(training)
    if predictions is None:
        return Reference(rows=len(training), numeric=numeric, categorical=categorical, scored=scored)
    found, named = _describe(training[[]].assign(predictions=predictions))
    return Reference(
        rows=len(training),
        numeric=numeric,
        categorical=categorical,
        predictions=(found | named)["predictions"],
        scored=scored,
    )


def _describe(training: pd.DataFrame) -> tuple[dict[str, NumericReference], dict[str, CategoricalReference]]:
    from pandas.api.types import is_float_dtype

    numeric, categorical = {}, {}
    for name in map(str, training.columns):
        column = training[name]
        missing = int(column.isna().sum())
        if is_float_dtype(column.dtype):
            values = order_statistics(column.dropna().to_numpy())
            numeric[name] = NumericReference(missing=missing, values=values)
        else:
            counts = column.dropna().astype(str).value_counts()
            named = {str(value): int(count) for value, count in sorted(counts.head(MOST_CATEGORIES).items())}
            categorical[name] = CategoricalReference(
                missing=missing, counts=named, others=int(counts.sum()) - sum(named.values())
            )
    return numeric, categorical
