"""What data must satisfy, whichever gate asks: form, size, missing values, repeated rows, outcomes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import Field

from environments import DataQuality
from environments.strict import StrictModel
from governance.core.target import Target
from governance.gates.context import GateContext
from governance.gates.gate import Control, ControlContext
from governance.gates.result import Check, GateResult, at_least, at_most
from pipelines.artifacts import LABEL
from pipelines.config import ModelConfig, Task
from pipelines.digests import data_digest
from pipelines.splits import kept_division

if TYPE_CHECKING:
    import pandera.pandas as pa

SCHEMA = "breaches of the schema"
ROWS = "rows"
OUTCOMES = "outcomes seen"
MISSING = "largest share missing"
REPEATED = "share of repeated rows"


class Columns(StrictModel):
    """The columns of a model's data besides the label: features by kind, and attributes that are no features."""

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    task: Task = "binary"
    labels: int = Field(default=2, description="Classes that must occur; of a number, different values.")
    ranges: dict[str, tuple[float, float]] = Field(default={})

    @classmethod
    def of(cls, config: ModelConfig) -> Columns:
        """Return the columns that ``config`` names."""
        features, target = config.features, config.target
        beside = (*config.sensitive_columns, *kept_division(config.split))
        return cls(
            numeric=features.numbers,
            categorical=features.categorical,
            beside=tuple(dict.fromkeys(name for name in beside if name not in features.columns)),
            task=config.task,
            labels=2 if target.classes is None else len(target.classes) + (target.other_values == "allow"),
            ranges=config.ranges,
        )


def schema_for(columns: Columns) -> pa.DataFrameSchema:
    """Return what the form of the data must be.

    Each feature is present, typed and within its range; attributes and what rows are divided by are present; the label
    is a class's number from 0, or finite, and never missing.
    """
    import pandera.pandas as pa

    finite = pa.Check(lambda s: ~np.isinf(s.astype("float64")), name="finite")
    label = (
        pa.Column("float64", finite, nullable=False, coerce=True)
        if columns.task == "regression"
        else pa.Column("int64", pa.Check.isin(list(range(columns.labels))), nullable=False, coerce=True)
    )
    return pa.DataFrameSchema(
        {
            **{
                name: pa.Column("float64", [finite, *_within(columns, name)], nullable=True, coerce=True)
                for name in columns.numeric
            },
            **{name: pa.Column(nullable=True) for name in (*columns.categorical, *columns.beside)},
            LABEL: label,
        }
    )


def _within(columns: Columns, name: str) -> list[pa.Check]:
    import pandera.pandas as pa

    if name not in columns.ranges:
        return []
    least, greatest = columns.ranges[name]
    return [pa.Check.in_range(least, greatest)]


def judge_rows(
    gate: str,
    frame: pd.DataFrame,
    columns: Columns,
    limits: DataQuality,
    context: GateContext,
    division: tuple[Check, ...] = (),
) -> GateResult:
    """Check form (pandera), size, missing values, repeated rows, and that every class, or more than one number, occurs.

    ``division`` are checks of how the rows were divided from those of training. Shares are of all rows. A row repeats
    when all its features and the target equal an earlier row's.
    """
    features = [name for name in (*columns.numeric, *columns.categorical) if name in frame]
    checks = [
        _form(frame, columns),
        at_least(ROWS, float(len(frame)), float(limits.minimum_rows)),
        at_least(OUTCOMES, float(frame[LABEL].nunique()) if LABEL in frame else 0.0, float(columns.labels)),
        *division,
    ]
    if len(frame) and features:
        missing = frame[features].isna().mean()
        repeated = frame.duplicated(subset=[*features, *([LABEL] if LABEL in frame else [])]).mean()
        checks += [
            at_most(MISSING, float(missing.max()), limits.missing_share, detail=f"column {missing.idxmax()!r}"),
            at_most(REPEATED, float(repeated), limits.duplicate_share),
        ]
    return context.result(gate, {"data": data_digest(frame)}, checks)


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
    return at_most(SCHEMA, float(len(problems)), 0.0, detail="; ".join(problems[:5]))


def judge_rows_again(result: GateResult, target: Target) -> list[Check]:
    """Hold the same findings against the limits of ``target``'s environment."""
    limits = target.environment.data_quality
    thresholds = {ROWS: limits.minimum_rows, MISSING: limits.missing_share, REPEATED: limits.duplicate_share}
    return [
        check.model_copy(
            update={"threshold": float(thresholds.get(check.name, check.threshold)), "overridden_by": None}
        )
        for check in result.checks
    ]


def controls_of_rows(
    gate: str, context: ControlContext, cases: dict[str, tuple[str | None, pd.DataFrame]]
) -> list[Control]:
    """Return a control for each of ``cases``: by name the check that must stop it, if any, and its rows."""
    limits, columns = context.environment.data_quality, Columns.of(context.synthetic.config)
    return [
        Control(name, because, partial(judge_rows, gate, rows, columns, limits, context.gate_context))
        for name, (because, rows) in cases.items()
    ]
