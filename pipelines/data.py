"""The rows a model is trained on and those held out to judge it, labelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.artifacts import LABEL
from pipelines.columns import Column, ColumnType, ColumnValueError, classify, list_some, plain_values, read_column
from pipelines.config import ModelConfig
from pipelines.digests import data_digest
from pipelines.errors import PipelineError
from pipelines.labels import LabelError, RiskDefinition, define_risk
from pipelines.strict import StrictModel
from pipelines.tables import DataSourceError, open_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DataDescription", "DataError", "TrainingSets", "data_digest", "load_training_sets", "load_validation_set"]


class DataError(PipelineError):
    """The data does not fit the model's config; the message says where and why."""


class DataDescription(StrictModel):
    """What was read and how it was labelled and divided."""

    source: str
    columns: tuple[Column, ...]
    """The features, as the source types them."""
    risk: RiskDefinition
    training_rows: int
    training_risks: int
    training_digest: str
    validation_rows: int
    validation_risks: int
    validation_digest: str


@dataclass(frozen=True)
class TrainingSets:
    """Rows divided in two. Both frames hold the features, the sensitive attributes and ``risk`` (0 or 1, int64).

    Numbers are float64 and categories text, NaN or None where missing; the index counts from zero.
    """

    training: pd.DataFrame
    validation: pd.DataFrame
    description: DataDescription


def load_training_sets(config: ModelConfig) -> TrainingSets:
    """Read ``config.source`` and divide it.

    Rows are shuffled by the config's seed and stratified by risk. A quantile that defines risk is computed on the
    training rows only; the held-out rows are labelled with the resulting number. (Which rows go where is balanced by
    the quantile of all rows, which influences no label.)

    Raises:
        DataError: a column is absent, of a type that models do not take, or has no value in the training rows; or a
            class is too small to be divided.
        DataSourceError: the source cannot be read.
        LabelError: the target cannot be labelled.
    """
    columns, frame, target = _read(config)
    in_training, held_out = _split(config, target)
    risk = define_risk(config.target, target.iloc[in_training])
    training = _labelled(frame, target, in_training, risk)
    validation = _labelled(frame, target, held_out, risk)
    for part, rows in (("training", training), ("validation", validation)):
        if rows[LABEL].nunique() < 2:
            raise DataError(f"{config.source}: every {part} row has a risk of {rows[LABEL].iloc[0]}; both are needed")
    empty = [name for name in config.features.columns if training[name].isna().all()]
    if empty:
        raise DataError(f"{config.source}: {', '.join(map(repr, empty))}: no value in any training row")
    description = DataDescription(
        source=str(config.source),
        columns=tuple(column for column in columns if column.name in config.features.columns),
        risk=risk,
        training_rows=len(training),
        training_risks=int(training[LABEL].sum()),
        training_digest=data_digest(training),
        validation_rows=len(validation),
        validation_risks=int(validation[LABEL].sum()),
        validation_digest=data_digest(validation),
    )
    return TrainingSets(training, validation, description)


def load_validation_set(config: ModelConfig, risk: RiskDefinition) -> pd.DataFrame:
    """Load the held-out rows of ``config.source``, labelled as a trained model defines risk.

    They are the rows that :func:`load_training_sets` holds out of the same source: judged on the data that it was
    trained on, a model sees rows that are new to it.

    Raises:
        DataError, DataSourceError, LabelError: as for :func:`load_training_sets`.
    """
    if risk.column != config.target.column:
        raise DataError(
            f"the model's risk is read from column {risk.column!r}, the config's from {config.target.column!r}"
        )
    _, frame, target = _read(config)
    return _labelled(frame, target, _split(config, target)[1], risk)


def _read(config: ModelConfig) -> tuple[list[Column], pd.DataFrame, pd.Series]:
    """Read features and sensitive attributes, as columns and as a model takes them, and the raw target."""
    numbers = {
        **dict.fromkeys(config.features.numeric, pa.float64()),
        **dict.fromkeys(config.features.dates, pa.timestamp("us")),
    }
    # What is a category, an attribute or the target by its values, as Parquet says by its types.
    others = dict.fromkeys((*config.features.categorical, *config.sensitive_columns, config.target.column))
    opened = open_table(config.source, {**others, **numbers})
    columns = _columns(config, opened.schema)
    target = config.target.column
    if target not in opened.schema.names:
        raise DataError(f"{config.source}: has no column {target!r}, the target")
    if classify(opened.schema.field(target).type) in (None, "date"):
        raise LabelError(f"{config.source}: target {target!r} is of type {opened.schema.field(target).type}")
    needed = opened.select(frozenset((*(column.name for column in columns), target)))
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
    return columns, pa.table(inputs).to_pandas(), pa.chunked_array(map(plain_values, table[target].chunks)).to_pandas()


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


def _split(config: ModelConfig, target: pd.Series) -> tuple[list[int], list[int]]:
    """Return the positions of the training rows and of the held-out ones."""
    from sklearn.model_selection import train_test_split

    balance = define_risk(config.target, target).label(target)
    smallest = int(balance.value_counts().reindex([0, 1], fill_value=0).min())
    if smallest < 2:
        raise DataError(
            f"{config.source}: {smallest} of {len(target)} rows are of the rarer class of risk; "
            "at least 2 are needed to divide them"
        )
    try:
        training, validation = train_test_split(
            range(len(target)),
            test_size=config.split.validation_share,
            random_state=config.split.seed,
            stratify=balance,
        )
    except ValueError as error:
        raise DataError(f"{config.source}: {len(target)} rows cannot be divided: {error}") from error
    return training, validation


def _labelled(frame: pd.DataFrame, target: pd.Series, rows: list[int], risk: RiskDefinition) -> pd.DataFrame:
    chosen = frame.iloc[rows].reset_index(drop=True)
    return chosen.assign(**{LABEL: risk.label(target.iloc[rows]).to_numpy()})
