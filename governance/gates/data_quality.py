"""Is the data fit to train on?"""

from typing import Annotated

import pandas as pd
from zenml import step

from environments import DataQuality
from governance.gates.context import GateContext
from governance.gates.data_checks import (
    MISSING,
    REPEATED,
    SCHEMA,
    Columns,
    controls_of_rows,
    judge_rows,
    judge_rows_again,
)
from governance.gates.gate import (
    DATA_QUALITY,
    Artifacts,
    AttachContext,
    Control,
    ControlContext,
    PipelineGate,
    PromotionContext,
)
from governance.gates.record import record
from governance.gates.result import GateResult
from governance.registry.releases import trained_model
from pipelines.artifacts import TRAINING_DATA


@step(enable_cache=False)
def validate_data_quality(
    data: pd.DataFrame, columns: Columns, limits: DataQuality, context: GateContext
) -> Annotated[GateResult, "data_quality_gate"]:
    """Stop the run when the training data breaks the model's schema or the environment's limits.

    Raises:
        GateFailedError: the data is not fit; the message names each failed check.
    """
    return record(judge_rows(GATE.name, data, columns, limits, context), context).require()


def _attach(context: AttachContext, found: Artifacts) -> None:
    validate_data_quality(found[TRAINING_DATA], columns=Columns.of(context.config), **context.limits)


def _of_other_rows(result: GateResult, promotion: PromotionContext) -> str:
    candidate = promotion.candidate
    trained = trained_model(candidate).run_metadata.get("training_data_digest")
    if result.evidence_digest == trained:
        return ""
    return (
        f"Run {promotion.run.name} checked data with digest {result.evidence_digest}, and version {candidate.number} "
        f"was trained on {trained}."
    )


def _controls(context: ControlContext) -> list[Control]:
    rows = context.synthetic.training
    cases = {
        "good data": (None, rows),
        "a column half missing": (MISSING, rows.assign(dose=rows["dose"].where(rows.index % 2 == 0))),
        "rows repeated": (REPEATED, context.synthetic.repeated(rows)),
        "a value out of range": (SCHEMA, rows.assign(dose=rows["dose"].where(rows.index > 0, 1e6))),
        "a column missing": (SCHEMA, rows.drop(columns="dose")),
    }
    return controls_of_rows(GATE.name, context, cases)


GATE = PipelineGate(
    name="data quality",
    result="data_quality_gate",
    section=DATA_QUALITY,
    pipelines=("trains",),
    needs=(TRAINING_DATA,),
    guards=(TRAINING_DATA,),
    attach=_attach,
    judge_again=judge_rows_again,
    refusal=_of_other_rows,
    controls=_controls,
    control_rows=lambda environment: environment.data_quality.minimum_rows,
)
