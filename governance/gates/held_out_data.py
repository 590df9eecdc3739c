"""Is the data fit to judge a model by?"""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import pandas as pd
from zenml import step

from environments import DataQuality, Environment
from governance.gates.context import GateContext
from governance.gates.data_checks import OUTCOMES, ROWS, Columns, judge_rows, judge_rows_again
from governance.gates.gate import DATA_QUALITY, Artifacts, AttachContext, Control, PipelineGate
from governance.gates.record import record
from governance.gates.result import GateResult
from pipelines.artifacts import VALIDATION_DATA

if TYPE_CHECKING:
    from governance.gates.synthetic import SyntheticData


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


def _controls(environment: Environment, synthetic: "SyntheticData", context: GateContext) -> list[Control]:
    limits, columns, rows = environment.data_quality, Columns.of(synthetic.config), synthetic.held_out
    return [
        Control(name, because, partial(judge_rows, GATE.name, frame, columns, limits, context))
        for name, because, frame in (
            ("good held-out data", None, rows),
            ("one outcome only", OUTCOMES, rows.assign(risk=1)),
            ("too few rows", ROWS, rows.head(limits.minimum_rows - 1)),
        )
    ]


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
