"""Scoring a batch in pieces: memory does not grow with its rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.columns import plain_values
from pipelines.errors import PipelineError
from pipelines.input_profile import InputProfile, InputReader
from pipelines.prediction_summary import QUANTILES, PredictionSummary, ProbabilityCounts
from pipelines.tables import Table

if TYPE_CHECKING:
    import numpy as np

    from pipelines.model import TrainedModel


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

    Columns: the id (or ``row``, counted from 0), ``risk_probability`` (float64), ``risk_flag`` (whether it reaches the
    model's decision threshold), ``model``, ``model_version``, ``run_id`` and ``predicted_at`` (UTC).

    Raises:
        InputChangedError: the rows are not those that ``profile`` was made of; what was written must not be used.
    """
    signature = model.signature
    assert model.digest is not None, "only a model that was read by its digest may score"
    reader, counts, flagged = InputReader(table, signature), ProbabilityCounts(), 0
    schema = _schema(signature.id_column, table)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for piece in reader.pieces():
            probability = model.predict_probability(piece.to_pandas())
            flags = model.predict_positive(probability)
            identity = (
                _row_numbers(counts.rows, len(probability))
                if signature.id_column is None
                else piece[signature.id_column]
            )
            writer.write_batch(_predictions(schema, identity, probability, flags, signature.model, batch))
            counts.update(probability)
            flagged += int(flags.sum())
    if reader.profile().data_digest != profile.data_digest:
        raise InputChangedError(f"{table.location}: changed between being checked and being scored; run it again")
    return PredictionSummary(
        model=signature.model,
        model_version=batch.model_version,
        model_digest=model.digest,
        risk=signature.risk.meaning,
        run_id=batch.run_id,
        predicted_at=batch.predicted_at.astimezone(UTC),
        uri=uri,
        columns={field.name: str(field.type) for field in schema},
        input=profile,
        rows=counts.rows,
        flagged=flagged,
        flagged_share=flagged / counts.rows,
        decision_threshold=signature.decision_threshold,
        probability_mean=counts.mean(),
        probability_quantiles={str(share): counts.quantile(share) for share in QUANTILES},
        histogram=counts.histogram(),
    )


def _schema(id_column: str | None, table: Table) -> pa.Schema:
    if id_column is None:
        identity = pa.field("row", pa.int64())
    else:
        kind = table.schema.field(id_column).type
        identity = pa.field(id_column, plain_values(pa.array([], kind)).type)
    return pa.schema(
        [
            identity,
            pa.field("risk_probability", pa.float64()),
            pa.field("risk_flag", pa.bool_()),
            pa.field("model", pa.string()),
            pa.field("model_version", pa.string()),
            pa.field("run_id", pa.string()),
            pa.field("predicted_at", pa.timestamp("us", tz="UTC")),
        ]
    )


def _row_numbers(start: int, rows: int) -> pa.Array:
    return pa.array(range(start, start + rows), pa.int64())


def _predictions(
    schema: pa.Schema, identity: pa.Array, probability: np.ndarray, flags: np.ndarray, model: str, batch: Batch
) -> pa.RecordBatch:
    same = (model, batch.model_version, batch.run_id, batch.predicted_at)
    repeated = [
        pa.repeat(pa.scalar(value, field.type), len(probability))
        for value, field in zip(same, list(schema)[3:], strict=True)
    ]
    return pa.RecordBatch.from_arrays([identity, pa.array(probability), pa.array(flags), *repeated], schema=schema)
