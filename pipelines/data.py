"""The rows a model is trained on and those held out to judge it, labelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from pipelines.artifacts import LABEL
from pipelines.columns import Column, ColumnType, ColumnValueError, classify, list_some, plain_values, read_column
from pipelines.config import ModelConfig
from pipelines.digests import data_digest
from pipelines.errors import PipelineError
from pipelines.labels import LabelDefinition, LabelError, define_label
from pipelines.signature import Signature
from pipelines.splits import divide_rows, division_columns, division_names, kept_division
from pipelines.strict import StrictModel
from pipelines.tables import DataSourceError, open_table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["DataDescription", "DataError", "TrainingSets", "data_digest", "load_training_sets", "load_validation_set"]


MOST_GROUPS: Final = 10
"""Values of a sensitive number that are groups; of more, bands are needed."""


class DataError(PipelineError):
    """The data does not fit the model's config; the message says where and why."""


class DataDescription(StrictModel):
    """What was read and how it was labelled and divided."""

    source: str
    selection: str | None = Field(description="The query or the filters that chose the rows; None for all.")
    source_rows: int
    source_digest: str = Field(description="Of the inputs, sensitive attributes and target of all rows, in order.")
    columns: tuple[Column, ...]
    """The features, as the source types them."""
    label: LabelDefinition
    training_rows: int
    training_labels: dict[str, int]
    """Rows by class; of a binary target 'risk' and 'other', of a number nothing."""
    training_digest: str
    validation_rows: int
    validation_labels: dict[str, int]
    validation_digest: str
    split_boundary: float | None = None
    """Of rows divided by time: those after this are held out."""


@dataclass(frozen=True)
class TrainingSets:
    """Rows divided in two. Both frames hold the features, the sensitive attributes, what divides them by group or
    time, and the label (int64 from 0 for classes, float64 for a number).

    Numbers are float64 and categories text, NaN or None where missing; the index counts from zero.
    """

    training: pd.DataFrame
    validation: pd.DataFrame
    description: DataDescription


def load_training_sets(config: ModelConfig) -> TrainingSets:
    """Read ``config.source`` and divide it.

    A quantile that defines risk, and the mean of a number, are computed on the training rows only; the held-out rows
    are labelled with the resulting number. (Stratified, which rows go where is balanced by the quantile of all rows,
    which influences no label.)

    Raises:
        DataError: a column is absent, of a type that models do not take, or has no value in the training rows; a class
            has no row on a side; or a sensitive number needs bands.
        DataSourceError: the source cannot be read.
        LabelError: the target cannot be labelled.
        SplitError: the rows cannot be divided.
    """
    columns, frame, target = _read(config)
    _attributes_have_groups(config, frame)
    division = divide_rows(config, frame, target)
    label = define_label(config.task, config.target, target.iloc[division.training])
    training = _labelled(config, frame, target, division.training, label)
    validation = _labelled(config, frame, target, division.held_out, label)
    counts = {part: label.count(rows[LABEL]) for part, rows in (("training", training), ("validation", validation))}
    for part, found in counts.items():
        absent = [name for name, rows in found.items() if not rows]
        if absent:
            raise DataError(f"{config.source}: no {part} row is {' or '.join(absent)}; rows of every class are needed")
    empty = [name for name in config.features.columns if training[name].isna().all()]
    if empty:
        raise DataError(f"{config.source}: {', '.join(map(repr, empty))}: no value in any training row")
    description = DataDescription(
        source=str(config.source),
        selection=config.source.selection,
        source_rows=len(frame),
        source_digest=data_digest(frame.assign(**{config.target.column: target})),
        columns=tuple(column for column in columns if column.name in config.features.columns),
        label=label,
        training_rows=len(training),
        training_labels=counts["training"],
        training_digest=data_digest(training),
        validation_rows=len(validation),
        validation_labels=counts["validation"],
        validation_digest=data_digest(validation),
        split_boundary=division.boundary,
    )
    return TrainingSets(training, validation, description)


def load_validation_set(config: ModelConfig, signature: Signature) -> pd.DataFrame:
    """Load the held-out rows of ``config.source``, divided and labelled as the model's ``signature`` says.

    They are the rows that :func:`load_training_sets` holds out of the same source: judged on the data that it was
    trained on, a model sees rows that are new to it. Divided by group or time, that holds of later data too.

    Raises:
        DataError, DataSourceError, LabelError, SplitError: as for :func:`load_training_sets`; or the config labels or
            divides otherwise than when the model was trained.
    """
    if (signature.label.column, signature.task) != (config.target.column, config.task):
        raise DataError(
            f"the model predicts {signature.label.column!r} ({signature.task}), the config says "
            f"{config.target.column!r} ({config.task}): train it again"
        )
    if signature.split != config.split:
        raise DataError(f"the config's split is not the one that {signature.model} was trained with: train it again")
    _, frame, target = _read(config)
    division = divide_rows(config, frame, target, signature.split_boundary)
    return _labelled(config, frame, target, division.held_out, signature.label)


def _attributes_have_groups(config: ModelConfig, frame: pd.DataFrame) -> None:
    """Refuse a sensitive number that has too many values for groups and no bands."""
    for attribute in config.attributes:
        values = frame[attribute.column]
        if attribute.bands or values.dtype.kind != "f" or values.nunique() <= MOST_GROUPS:
            continue
        low, middle, high = (float(values.quantile(share)) for share in (0.0, 0.5, 1.0))
        raise DataError(
            f"{config.source}: sensitive: {attribute.column!r} is a number with {values.nunique()} values from {low:g} "
            f"to {high:g}; more than {MOST_GROUPS} are no groups. Name bands, such as "
            f"{{column: {attribute.column}, bands: [{middle:g}]}}"
        )


def _read(config: ModelConfig) -> tuple[list[Column], pd.DataFrame, pd.Series]:
    """Read features and sensitive attributes, as columns and as a model takes them, and the raw target.

    What rows are divided by stands beside them.
    """
    numbers = {
        **dict.fromkeys(config.features.numeric, pa.float64()),
        **dict.fromkeys(config.features.dates, pa.timestamp("us")),
    }
    dividing = division_names(config.split)
    # What is a category, an attribute or the target by its values, as Parquet says by its types.
    others = dict.fromkeys((*config.features.categorical, *config.sensitive_columns, config.target.column, *dividing))
    opened = open_table(config.source, {**others, **numbers})
    columns = _columns(config, opened.schema)
    target = config.target.column
    if target not in opened.schema.names:
        raise DataError(f"{config.source}: has no column {target!r}, the target")
    if classify(opened.schema.field(target).type) in (None, "date"):
        raise LabelError(f"{config.source}: target {target!r} is of type {opened.schema.field(target).type}")
    absent = [name for name in dividing if name not in opened.schema.names]
    if absent:
        raise DataError(f"{config.source}: has no column {', '.join(map(repr, absent))}, by which split divides")
    needed = opened.select(frozenset((*(column.name for column in columns), target, *dividing)))
    table = pa.Table.from_batches(needed.read(), needed.schema)
    if not table.num_rows:
        raise DataSourceError(f"{config.source}: holds no rows")
    try:
        inputs = {
            column.name: pa.chunked_array([read_column(chunk, column) for chunk in table[column.name].chunks])
            for column in columns
        }
    except ColumnValueError as error:
        raise DataError(f"{config.source}: {error}") from error
    _refuse_wide_categories(config, inputs)
    frame = pa.table(inputs).to_pandas()
    if dividing:
        found = division_columns(config.split, table.select(list(dividing)).to_pandas(), str(config.source))
        frame = frame.assign(**{name: found[name] for name in dividing if name not in frame})
    return columns, frame, pa.chunked_array(map(plain_values, table[target].chunks)).to_pandas()


def _refuse_wide_categories(config: ModelConfig, inputs: dict[str, pa.ChunkedArray]) -> None:
    """Refuse a category with more values than the config allows: each would be an input of its own."""
    for name in config.features.categorical:
        values = pc.unique(inputs[name]).drop_null()
        if len(values) > config.features.category_limit:
            raise DataError(
                f"{config.source}: column {name!r} has more than {config.features.category_limit} different values: "
                f"{list_some(values)}. Leave it out of features.categorical, group its values in the data, "
                "give it as a number, or raise features.category_limit and code it in few columns in "
                "features.preprocessing, such as sklearn.preprocessing.TargetEncoder"
            )


def _columns(config: ModelConfig, schema: pa.Schema) -> list[Column]:
    """List the features in the config's order, then the sensitive attributes that are not features."""
    features = config.features
    beside = [name for name in config.sensitive_columns if name not in features.columns]
    names = (*features.columns, *beside)
    absent = [name for name in names if name not in schema.names]
    if absent:
        raise DataError(
            f"{config.source}: has no column {', '.join(map(repr, absent))}; it has {list_some(schema.names)}"
        )
    columns = []
    for name in names:
        found = classify(schema.field(name).type)
        categorical = name in features.categorical or (name in beside and found in ("boolean", "string"))
        # A category given as a float is a code such as 1.0 or 2.0; reading refuses a fraction.
        kind = "categorical" if categorical else "date" if name in features.dates else "numeric"
        allowed = {
            "categorical": ("integer", "boolean", "string", "number"),
            "numeric": ("number", "integer"),
            "date": ("date",),
        }[kind]
        if found == "null":
            raise DataError(f"{config.source}: column {name!r} has no value in any row")
        if found is None or found not in allowed:
            raise DataError(
                f"{config.source}: column {name!r} is of type {schema.field(name).type}; "
                f"a {kind} column is {' or '.join(allowed)}"
            )
        kinds: dict[str, ColumnType] = {"numeric": "number", "date": "date"}
        columns.append(
            Column(
                name=name,
                type=kinds.get(kind, "integer" if found == "number" else found),
                epoch=features.date_epoch if kind == "date" else None,
                categories=() if categorical else None,
                missing_allowed=name in beside or features.missing == "impute",
            )
        )
    return columns


def _labelled(
    config: ModelConfig, frame: pd.DataFrame, target: pd.Series, rows: np.ndarray, label: LabelDefinition
) -> pd.DataFrame:
    # A column that only says which side a row is on has said so.
    kept = (*config.features.columns, *config.sensitive_columns, *kept_division(config.split))
    chosen = frame[[name for name in frame if name in kept]].iloc[rows].reset_index(drop=True)
    return chosen.assign(**{LABEL: label.label(target.iloc[rows]).to_numpy()})
