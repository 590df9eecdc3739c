"""What a model takes and means: stored beside it, and checked against every batch before it is scored."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field

from pipelines.columns import Column, classify
from pipelines.config import MetricRules, Split, Task
from pipelines.errors import PipelineError
from pipelines.labels import LabelDefinition
from pipelines.strict import StrictModel


class SignatureMismatchError(PipelineError):
    """Data does not fit a model's signature. The message lists every column that is wrong, not only the first."""

    def __init__(self, where: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "\n".join([f"{where} does not fit the model's signature:", *(f"  {p}" for p in self.problems)])
        )


class Signature(StrictModel):
    """A trained model's interface and origin."""

    model: str
    description: str
    task: Task = "binary"
    columns: tuple[Column, ...] = Field(description="Input columns, in the order the model takes them.")
    id_column: str | None
    other_columns: tuple[str, ...] = Field(
        description="Columns that data may hold and the model ignores: the target and the sensitive attributes."
    )
    unseen_categories: Literal["refuse", "ignore"]
    label: LabelDefinition
    decision_threshold: float | None = Field(
        description="Of a binary model: a risk probability of at least this is flagged."
    )
    metrics: dict[str, MetricRules] = Field(default={}, description="The team's own metrics.")
    split: Split = Split()
    split_boundary: float | None = Field(
        default=None, description="Of rows divided by time: those after this were held out; epoch seconds of a date."
    )
    estimator: dict[str, Any]
    seed: int
    training_rows: int
    training_labels: dict[str, int] = Field(description="Rows by class; of a binary model 'risk' and 'other'.")
    training_data_digest: str
    own_types: dict[str, str] = Field(
        default={},
        description="Types of a team's own in the model, and the SHA-256 of the code they were trained with.",
    )
    libraries: dict[str, str] = Field(description="Versions that the model was trained with.")

    @property
    def column_names(self) -> list[str]:
        """Names of the input columns, in the order the model takes them."""
        return [column.name for column in self.columns]

    @property
    def known_columns(self) -> frozenset[str]:
        """Every column that data may hold."""
        identity = () if self.id_column is None else (self.id_column,)
        return frozenset((*self.column_names, *identity, *self.other_columns))

    def csv_types(self) -> dict[str, pa.DataType]:
        """Return the type to read each input column as, where the data has no types of its own."""
        return {column.name: column.arrow_type for column in self.columns}

    def check(self, schema: pa.Schema, where: str) -> None:
        """Compare the columns and types of data with what the model takes; their order does not matter.

        A column that the model does not know is refused, as it may be a misspelt one. The id column, the target and
        the sensitive attributes may be there.

        Raises:
            SignatureMismatchError: a column is missing, unknown or of another type.
        """
        found = {field.name: field.type for field in schema}
        unknown = sorted(set(found) - self.known_columns)
        problems = []
        for column in self.columns:
            if column.name not in found:
                near = get_close_matches(column.name, unknown, n=1)
                hint = f" (there is an unknown column {near[0]!r})" if near else ""
                problems.append(f"column {column.name!r}: expected {column.describe()}, found no such column{hint}")
            elif not column.accepts(found[column.name]):
                problems.append(f"column {column.name!r}: expected {column.describe()}, found {found[column.name]}")
        if self.id_column is not None and classify(found.get(self.id_column, pa.null())) not in ("integer", "string"):
            seen = found.get(self.id_column, "no such column")
            problems.append(f"column {self.id_column!r}: expected the id of each row, integer or string, found {seen}")
        problems += [f"column {name!r}: expected no such column, found {found[name]}" for name in unknown]
        if problems:
            raise SignatureMismatchError(where, problems)
