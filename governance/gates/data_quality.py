"""Is the data fit to train on, to judge a model by, or to score?"""

from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict
from zenml import step

from environments import DataQuality
from governance.gates.context import GateContext
from governance.gates.record import record
from governance.gates.result import Check, GateResult
from pipelines.artifacts import RISK
from pipelines.config import ModelConfig
from pipelines.digests import data_digest
from pipelines.input_profile import InputProfile

if TYPE_CHECKING:
    import pandera.pandas as pa

NAME = "data quality"
HELD_OUT = "held-out data quality"
INPUT = "input quality"

SCHEMA = "breaches of the schema"
ROWS = "rows"
OUTCOMES = "outcomes seen"
OUTSIDE = "largest share outside the range"
UNSEEN = "largest share of unseen categories"
MISSING = "largest share missing"
REPEATED = "share of repeated rows"


class Columns(BaseModel):
    """The columns of a model's data besides the label: features by kind, and attributes that are no features."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    ranges: dict[str, tuple[float, float]] = {}

    @classmethod
    def of(cls, config: ModelConfig) -> "Columns":
        """The columns that ``config`` names."""
        features = config.features
        return cls(
            numeric=features.numeric,
            categorical=features.categorical,
            beside=tuple(name for name in config.sensitive_columns if name not in features.columns),
            ranges=config.ranges,
        )


def schema_for(columns: Columns) -> "pa.DataFrameSchema":
    """What the form of the data must be.

    Each feature is present, typed and within its range; attributes are present; the label is 0 or 1 and never missing.
    """
    import pandera.pandas as pa

    finite = pa.Check(lambda s: ~np.isinf(s.astype("float64")), name="finite")
    return pa.DataFrameSchema(
        {
            **{
                name: pa.Column("float64", [finite, *_within(columns, name)], nullable=True, coerce=True)
                for name in columns.numeric
            },
            **{name: pa.Column(nullable=True) for name in (*columns.categorical, *columns.beside)},
            RISK: pa.Column("int64", pa.Check.isin([0, 1]), nullable=False, coerce=True),
        }
    )


def _within(columns: Columns, name: str) -> "list[pa.Check]":
    import pandera.pandas as pa

    if name not in columns.ranges:
        return []
    least, greatest = columns.ranges[name]
    return [pa.Check.in_range(least, greatest)]


def judge_data_quality(
    frame: pd.DataFrame, columns: Columns, limits: DataQuality, terms: GateContext, *, gate: str = NAME
) -> GateResult:
    """Check form (pandera), size, missing values, repeated rows, and that both outcomes occur.

    Shares are of all rows. A row repeats when all its features and the target equal an earlier row's.
    """
    features = [name for name in (*columns.numeric, *columns.categorical) if name in frame]
    checks = [
        _form(frame, columns),
        Check(name=ROWS, value=float(len(frame)), bound="at least", threshold=float(limits.minimum_rows)),
        Check(
            name=OUTCOMES,
            value=float(frame[RISK].nunique()) if RISK in frame else 0.0,
            bound="at least",
            threshold=2.0,
        ),
    ]
    if len(frame) and features:
        missing = frame[features].isna().mean()
        checks += [
            Check(
                name=MISSING,
                value=float(missing.max()),
                bound="at most",
                threshold=limits.missing_share,
                detail=f"column {missing.idxmax()!r}",
            ),
            Check(
                name=REPEATED,
                value=float(frame.duplicated(subset=[*features, *([RISK] if RISK in frame else [])]).mean()),
                bound="at most",
                threshold=limits.duplicate_share,
            ),
        ]
    return terms.result(gate, {"data": data_digest(frame)}, checks)


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
        name=SCHEMA,
        value=float(len(problems)),
        bound="at most",
        threshold=0.0,
        detail="; ".join(problems[:5]),
    )


def judge_again(checks: tuple[Check, ...], limits: DataQuality) -> list[Check]:
    """The same findings against the limits of another environment."""
    thresholds = {ROWS: limits.minimum_rows, MISSING: limits.missing_share, REPEATED: limits.duplicate_share}
    return [
        check.model_copy(
            update={"threshold": float(thresholds.get(check.name, check.threshold)), "overridden_by": None}
        )
        for check in checks
    ]


def judge_input(profile: InputProfile, limits: DataQuality, terms: GateContext) -> GateResult:
    """Check a batch that fits the model's signature: values missing, outside the known range, and unseen categories.

    Repeated rows are not looked for, as that would need all rows in memory; the same person may be scored twice.
    """
    checks = [Check(name=ROWS, value=profile.rows, bound="at least", threshold=1)]
    for name, counts, limit in (
        (MISSING, profile.missing, limits.missing_share),
        (OUTSIDE, profile.outside_range, limits.outside_share),
        (UNSEEN, profile.unseen_categories, limits.unseen_share),
    ):
        if counts and profile.rows:
            worst = max(counts, key=lambda column: counts[column])
            checks.append(
                Check(
                    name=name,
                    value=counts[worst] / profile.rows,
                    bound="at most",
                    threshold=limit,
                    detail=f"column {worst!r}",
                )
            )
    return terms.result(INPUT, {"data": profile.data_digest}, checks)


@step(enable_cache=False)
def validate_data_quality(
    data: pd.DataFrame, columns: Columns, limits: DataQuality, terms: GateContext
) -> Annotated[GateResult, "data_quality_gate"]:
    """Stop the run when the training data breaks the model's schema or the environment's limits.

    Raises:
        GateFailedError: the data is not fit; the message names each failed check.
    """
    return record(judge_data_quality(data, columns, limits, terms), terms).require()


@step(enable_cache=False)
def validate_held_out_data(
    data: pd.DataFrame, columns: Columns, limits: DataQuality, terms: GateContext
) -> Annotated[GateResult, "held_out_data_gate"]:
    """The same of the rows by which the model is judged.

    Raises:
        GateFailedError: the data is not fit; the message names each failed check.
    """
    return record(judge_data_quality(data, columns, limits, terms, gate=HELD_OUT), terms).require()


@step(enable_cache=False)
def validate_input(
    profile: InputProfile, limits: DataQuality, terms: GateContext
) -> Annotated[GateResult, "input_quality_gate"]:
    """Stop the run before a batch is scored that is too far from what the model knows.

    Raises:
        GateFailedError: the batch is not fit; the message names each failed check.
    """
    return record(judge_input(profile, limits, terms), terms).require()
