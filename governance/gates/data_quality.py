"""Is the data fit to train on or to score with?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict
from zenml import step

from environments import DataQuality
from governance.gates.record import record
from governance.gates.result import Check, GateResult
from pipelines.artifacts import RISK
from pipelines.digests import data_digest

if TYPE_CHECKING:
    import pandera.pandas as pa

NAME = "data quality"


class Columns(BaseModel):
    """The feature columns of a model, by kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()


def schema_for(columns: Columns) -> pa.DataFrameSchema:
    """What the form of the data must be: each feature present and typed, the target 0 or 1 and never missing."""
    import pandera.pandas as pa

    finite = pa.Check(lambda s: ~np.isinf(s.astype("float64")), name="finite")
    return pa.DataFrameSchema(
        {
            **{name: pa.Column("float64", finite, nullable=True, coerce=True) for name in columns.numeric},
            **{name: pa.Column(nullable=True) for name in columns.categorical},
            RISK: pa.Column("int64", pa.Check.isin([0, 1]), nullable=False, coerce=True),
        }
    )


def judge_data_quality(
    frame: pd.DataFrame, columns: Columns, limits: DataQuality, *, model: str, environment: str
) -> GateResult:
    """Check form (pandera), size, missing values, repeated rows, and that both outcomes occur.

    Shares are of all rows. A row repeats when all its features and the target equal an earlier row's.
    """
    features = [name for name in (*columns.numeric, *columns.categorical) if name in frame]
    checks = [
        _form(frame, columns),
        Check(name="rows", value=float(len(frame)), bound="at least", threshold=float(limits.minimum_rows)),
        Check(
            name="outcomes seen",
            value=float(frame[RISK].nunique()) if RISK in frame else 0.0,
            bound="at least",
            threshold=2.0,
        ),
    ]
    if len(frame) and features:
        missing = frame[features].isna().mean()
        checks += [
            Check(
                name="largest share missing",
                value=float(missing.max()),
                bound="at most",
                threshold=limits.missing_share,
                detail=f"column {missing.idxmax()!r}",
            ),
            Check(
                name="share of repeated rows",
                value=float(frame.duplicated(subset=[*features, *([RISK] if RISK in frame else [])]).mean()),
                bound="at most",
                threshold=limits.duplicate_share,
            ),
        ]
    return GateResult(
        gate=NAME, model=model, environment=environment, evidence_digest=data_digest(frame), checks=tuple(checks)
    )


def _form(frame: pd.DataFrame, columns: Columns) -> Check:
    from pandera.errors import SchemaErrors

    problems = []
    try:
        schema_for(columns).validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
        # A missing column is reported against the frame, with the column's name as the failure case.
        named = cases["column"].where(cases["check"] != "column_in_dataframe", cases["failure_case"])
        problems = sorted({f"{column}: {check}" for column, check in zip(named, cases["check"], strict=True)})
    return Check(
        name="breaches of the schema",
        value=float(len(problems)),
        bound="at most",
        threshold=0.0,
        detail="; ".join(problems[:5]),
    )


@step(enable_cache=False)
def validate_data_quality(
    data: pd.DataFrame, columns: Columns, limits: DataQuality, model: str, environment: str
) -> Annotated[GateResult, "data_quality_gate"]:
    """Stop the run when the data breaks the model's schema or the environment's limits.

    Raises:
        GateFailed: the data is not fit; the message names each failed check.
    """
    return record(judge_data_quality(data, columns, limits, model=model, environment=environment)).require()
