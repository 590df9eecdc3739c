"""Is the data fit to judge a model by?"""

from pathlib import Path
from typing import Annotated

import pandas as pd
from zenml import step

from environments import DataQuality
from governance.gates.context import GateContext
from governance.gates.data_checks import OUTCOMES, ROWS, Columns, controls_of_rows, judge_rows, judge_rows_again
from governance.gates.gate import DATA_QUALITY, Artifacts, AttachContext, Control, ControlContext, PipelineGate
from governance.gates.record import record
from governance.gates.result import Check, GateResult, at_most
from pipelines.artifacts import LABEL, TRAINING_DATA, VALIDATION_DATA
from pipelines.columns import category_text
from pipelines.config import Split
from pipelines.model import read_model
from pipelines.splits import groups_on_both, is_held_out, kept_division

GROUPS = "groups on both sides"
EARLY = "held-out rows not after training's last"


def check_division(
    split: Split, held_out: pd.DataFrame, training: pd.DataFrame | None = None, boundary: float | None = None
) -> tuple[Check, ...]:
    """Check that no group is on both sides and, divided by time, that every held-out row came after training.

    Without the ``training`` rows groups are held against the side that their own digest puts them on, and times
    against the ``boundary`` that the model recorded.
    """
    checks = []
    if split.group is not None and split.group in held_out:
        if training is not None:
            both = groups_on_both(training, held_out, split.group)
            checks.append(at_most(GROUPS, both, 0, detail=f"column {split.group!r}"))
        elif split.method == "group":
            astray = [
                name for name in held_out[split.group].map(category_text).unique() if not is_held_out(split, name)
            ]
            checks.append(at_most(GROUPS, len(astray), 0, detail=f"column {split.group!r}"))
    if split.method == "time" and split.column is not None and split.column in held_out:
        latest = boundary if training is None else float(training[split.column].max())
        unproven = "the model recorded no time at which its rows were divided" if latest is None else ""
        early = 0 if latest is None else int((held_out[split.column] <= latest).sum())
        checks.append(at_most(EARLY, early, 0, unproven=unproven, detail=f"column {split.column!r}"))
    return tuple(checks)


@step(enable_cache=False)
def validate_held_out_data(
    data: pd.DataFrame, columns: Columns, limits: DataQuality, context: GateContext
) -> Annotated[GateResult, "held_out_data_gate"]:
    """Stop the run when the rows by which the model is judged break its schema or the environment's limits.

    Raises:
        GateFailedError: the data is not fit; the message names each failed check.
    """
    return record(judge_rows(GATE.name, data, columns, limits, context), context).require()


@step(enable_cache=False)
def validate_divided_data(
    data: pd.DataFrame,
    training: pd.DataFrame,
    split: Split,
    columns: Columns,
    limits: DataQuality,
    context: GateContext,
) -> Annotated[GateResult, "held_out_data_gate"]:
    """Do the same, and stop the run when a group is on both sides or a held-out row came before training's last.

    Raises:
        GateFailedError: the data is not fit; the message names each failed check.
    """
    division = check_division(split, data, training)
    return record(judge_rows(GATE.name, data, columns, limits, context, division), context).require()


@step(enable_cache=False)
def validate_release_divided_data(
    data: pd.DataFrame, release: Path, digest: str, columns: Columns, limits: DataQuality, context: GateContext
) -> Annotated[GateResult, "held_out_data_gate"]:
    """Do the same by what the released model in the folder ``release`` recorded of its own training rows.

    Raises:
        GateFailedError: the data is not fit; the message names each failed check.
        ModelTamperedError: the folder's digest is not ``digest``.
    """
    signature = read_model(release, digest).signature
    division = check_division(signature.split, data, boundary=signature.split_boundary)
    return record(judge_rows(GATE.name, data, columns, limits, context, division), context).require()


def _attach(context: AttachContext, found: Artifacts) -> None:
    rows, columns, split = found[VALIDATION_DATA], Columns.of(context.config), context.config.split
    if not kept_division(split):
        validate_held_out_data(rows, columns=columns, **context.limits)
    elif TRAINING_DATA in found:
        validate_divided_data(rows, found[TRAINING_DATA], split=split, columns=columns, **context.limits)
    else:
        validate_release_divided_data(rows, **context.release, columns=columns, **context.limits)


def _controls(context: ControlContext) -> list[Control]:
    rows, training, limits = context.synthetic.held_out, context.synthetic.training, context.environment.data_quality
    cases = {
        "good held-out data": (None, rows),
        "one outcome only": (OUTCOMES, rows.assign(**{LABEL: 1})),
        "too few rows": (ROWS, rows.head(limits.minimum_rows - 1)),
    }

    def judge(split: Split, held_out: pd.DataFrame, before: pd.DataFrame) -> GateResult:
        columns, division = Columns.of(context.synthetic.config), check_division(split, held_out, before)
        return judge_rows(GATE.name, held_out, columns, limits, context.gate_context, division)

    by_group, by_time = Split(method="group", group="person"), Split(method="time", column="year")
    known, new = training.assign(person="p1", year=2020.0), rows.assign(person="p2", year=2021.0)
    return [
        *controls_of_rows(GATE.name, context, cases),
        Control("people who are new", None, lambda: judge(by_group, new, known)),
        Control("a person on both sides", GROUPS, lambda: judge(by_group, new.assign(person="p1"), known)),
        Control("rows from after training", None, lambda: judge(by_time, new, known)),
        Control("rows from before training's last", EARLY, lambda: judge(by_time, new.assign(year=2020.0), known)),
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
