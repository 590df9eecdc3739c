"""Is the data fit to judge a model by?"""

from typing import Annotated

import pandas as pd
from zenml import step

from environments import DataQuality
from governance.gates.context import GateContext
from governance.gates.data_checks import OUTCOMES, ROWS, Columns, controls_of_rows, judge_rows, judge_rows_again
from governance.gates.gate import DATA_QUALITY, Artifacts, AttachContext, Control, ControlContext, PipelineGate
from governance.gates.record import record
from governance.gates.result import GateResult
from pipelines.artifacts import VALIDATION_DATA


@step(enable_cache=False)
def validate_held_out_data(
    data: pd.DataFrame, columns: Columns, limits: DataQuality, context: GateContext
) -> Annotated[GateResult, "held_out_data_gate"]:
    """Stop the run when the rows by which the model is judged break its schema or the environment's limits.

    Raises:
        GateFailedError: the data is not fit; the message names each failed check.
    """
    return record(judge_rows(GATE.name, data, columns, limits, context), context).require()


def _attach(context: AttachContext, found: Artifacts) -> None:
    validate_held_out_data(found[VALIDATION_DATA], columns=Columns.of(context.config), **context.limits)


def _controls(context: ControlContext) -> list[Control]:
    rows = context.synthetic.held_out
    cases = {
        "good held-out data": (None, rows),
        "one outcome only": (OUTCOMES, rows.assign(risk=1)),
        "too few rows": (ROWS, rows.head(context.environment.data_quality.minimum_rows - 1)),
    }
    return controls_of_rows(GATE.name, context, cases)


GATE = PipelineGate(
    name="held-out data quality",
    result="held_out_data_gate",
    section=DATA_QUALITY,
    pipelines=("trains", "judges a release"),
    needs=(VALIDATION_DATA,),
    guards=(VALIDATION_DATA,),
    attach=_attach,
    judge_again=judge_rows_again,
    controls=_controls,
)
