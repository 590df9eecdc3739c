"""Scoring a batch in pieces: memory does not grow with its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.columns import plain_values
from pipelines.errors import PipelineError
from pipelines.input_profile import InputProfile, InputReader
from pipelines.prediction_summary import QUANTILES, PredictionSummary, ScoredRows, ValueCounts
from pipelines.prefetch import prefetch
from pipelines.score_reference import ScorePlaces
from pipelines.tables import Table
from pipelines.tasks import task_of

if TYPE_CHECKING:
    from pipelines.model import TrainedModel


_CONSTANTS: Final = (
    pa.field("model", pa.string()),
    pa.field("model_version", pa.string()),
    pa.field("run_id", pa.string()),
    pa.field("predicted_at", pa.timestamp("us", tz="UTC")),
)


class InputChangedError(PipelineError):
    """The data that was scored is not the data that was checked."""


@dataclass(frozen=True)
class Batch:
    """Who scores, and when: written beside every prediction."""

    model_version: str
    run_id: str
    predicted_at: datetime

    def __post_init__(self) -> None:
        if self.predicted_at.tzinfo is None:
            raise ValueError("predicted_at must have a time zone")


def score(
    model: TrainedModel, table: Table, profile: InputProfile, batch: Batch, file: IO[bytes], uri: str
) -> PredictionSummary:
    """Score the rows of ``table`` into the Parquet file ``file`` and summarise them; ``uri`` is where it will be found.

    Columns: the id (or ``row``, counted from 0), those of the task, then ``model``, ``model_version``, ``run_id`` and
    ``predicted_at`` (UTC). binary: ``risk_probability`` (float64) and ``risk_flag`` (whether it reaches the model's
    decision threshold). multiclass: ``predicted_class``, ``probability`` of it, and ``probability_<class>`` for each.
    regression: ``predicted_value`` (float64).

    Raises:
        InputChangedError: the rows are not those that ``profile`` was made of; what was written must not be used.
    """
    scored = write_predictions(model, table, profile.data_digest, batch, file)
    return summarise(model, [scored], profile, batch, uri)


def write_predictions(
    model: TrainedModel, table: Table, data_digest: str, batch: Batch, file: IO[bytes], first_row: int = 0
) -> ScoredRows:
    """Score the rows of ``table`` into ``file``, as :func:`score` does, and count them; ``first_row`` is their number.

    Raises:
        InputChangedError: the rows are not those that have this digest; what was written must not be used.
    """
    signature = model.signature
    assert model.digest is not None, "only a model that was read by its digest may score"
    task, outcomes = task_of(signature.task), Counter[str]()
    reader, counts = InputReader(table, signature), ValueCounts(*task.range_of(signature))
    places = None if model.reference.scored is None else ScorePlaces(model.reference.scored.edges)
    schema = _schema(signature.id_column, table, task.columns(signature))
    written = _with_constants(schema)
    # Numbers hardly repeat, so looking for repetitions in them only takes time.
    repetitive = [field.name for field in list(schema)[1:] if not pa.types.is_floating(field.type)]
    with pq.ParquetWriter(file, written, compression="zstd", use_dictionary=repetitive, store_schema=False) as writer:
        for piece in prefetch(reader.pieces()):
            # The id stays in Arrow: as objects of Python it would cost more than predicting.
            output = model.predict(piece.select(signature.column_names).to_pandas())
            identity = (
                _row_numbers(first_row + counts.rows, len(output))
                if signature.id_column is None
                else piece[signature.id_column]
            )
            writer.write_batch(
                _predictions(written, identity, task.values(output, signature), signature.model, batch, len(output))
            )
            drawn = task.drawn(output)
            counts.update(drawn)
            if places is not None:
                places.update(drawn)
            outcomes.update(task.outcomes(task.decide(output, signature), signature))
    if reader.profile().data_digest != data_digest:
        raise InputChangedError(f"{table.location}: changed between being checked and being scored; run it again")
    columns = {field.name: str(field.type) for field in schema}
    return counts.counted(columns, dict(outcomes), () if places is None else places.counts)


def summarise(
    model: TrainedModel, parts: Sequence[ScoredRows], profile: InputProfile, batch: Batch, uri: str
) -> PredictionSummary:
    """Summarise the predictions of a batch that was scored in ``parts`` and is found at ``uri``."""
    signature, outcomes = model.signature, Counter[str]()
    assert model.digest is not None, "only a model that was read by its digest may score"
    counts = ValueCounts(*task_of(signature.task).range_of(signature))
    for part in parts:
        counts.add(part)
        outcomes.update(part.outcomes)
    return PredictionSummary(
        model=signature.model,
        model_version=batch.model_version,
        model_digest=model.digest,
        task=signature.task,
        meaning=signature.label.meaning,
        run_id=batch.run_id,
        predicted_at=batch.predicted_at.astimezone(UTC),
        uri=uri,
        columns=parts[0].columns,
        input=profile,
        rows=counts.rows,
        outcomes=dict(outcomes),
        decision_threshold=signature.decision_threshold,
        value_mean=counts.mean(),
        score_places=tuple(map(sum, zip(*(part.score_places for part in parts), strict=True))),
        value_quantiles={str(share): counts.quantile(share) for share in QUANTILES},
        histogram=counts.histogram(),
    )


def _schema(id_column: str | None, table: Table, predicted: dict[str, str]) -> pa.Schema:
    if id_column is None:
        identity = pa.field("row", pa.int64())
    else:
        kind = table.schema.field(id_column).type
        identity = pa.field(id_column, plain_values(pa.array([], kind)).type)
    return pa.schema(
        [
            identity,
            *(pa.field(name, pa.type_for_alias(kind)) for name, kind in predicted.items()),
            *_CONSTANTS,
        ]
    )


def _with_constants(schema: pa.Schema) -> pa.Schema:
    """Return ``schema`` with what is the same in all rows as dictionaries of one value: it is not repeated in memory.

    A file without Arrow's own schema has these columns as plain values all the same.
    """
    for field in _CONSTANTS:
        kind = pa.dictionary(pa.int32(), field.type)
        schema = schema.set(schema.get_field_index(field.name), pa.field(field.name, kind))
    return schema


def _row_numbers(start: int, rows: int) -> pa.Array:
    return pa.array(np.arange(start, start + rows))


def _predictions(
    schema: pa.Schema, identity: pa.Array, predicted: list[Any], model: str, batch: Batch, rows: int
) -> pa.RecordBatch:
    same = (model, batch.model_version, batch.run_id, batch.predicted_at)
    fields, first = list(schema), pa.array(np.zeros(rows, dtype=np.int32))
    repeated = [
        pa.DictionaryArray.from_arrays(first, pa.array([value], field.type.value_type))
        for value, field in zip(same, fields[1 + len(predicted) :], strict=True)
    ]
    values = [pa.array(value, field.type) for value, field in zip(predicted, fields[1:], strict=False)]
    return pa.RecordBatch.from_arrays([identity, *values, *repeated], schema=schema)
