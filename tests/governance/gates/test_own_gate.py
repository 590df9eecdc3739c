"""A gate is one file, one line of the catalogue, one settings model and a value for each environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import copy_checkout, run_in_copy
from tests.governance.gates import own_gate

pytestmark = pytest.mark.slow

GATE = '''
"""Is the rarer outcome frequent enough to learn from?"""

from typing import Annotated

import pandas as pd
from zenml import step

from environments.model import ClassBalance
from governance.gates.context import GateContext
from governance.gates.gate import DATA_QUALITY, Control, PipelineGate
from governance.gates.record import record
from governance.gates.result import Check, GateResult
from pipelines.artifacts import LABEL, TRAINING_DATA
from pipelines.digests import data_digest

SHARE = "share of the rarer outcome"


def judge(data, limits, context):
    share = min(data[LABEL].mean(), 1 - data[LABEL].mean())
    check = Check(name=SHARE, value=share, bound="at least", threshold=limits.rarer_share)
    return context.result(GATE.name, {"data": data_digest(data)}, [check])


@step(enable_cache=False)
def validate_class_balance(
    data: pd.DataFrame, limits: ClassBalance, context: GateContext
) -> Annotated[GateResult, "class_balance_gate"]:
    return record(judge(data, limits, context), context).require()


def attach(context, found):
    limits = context.target.environment.gates.class_balance
    validate_class_balance(found[TRAINING_DATA], limits=limits, context=context.gate_context)


def judge_again(result, target):
    threshold = target.environment.gates.class_balance.rarer_share
    return [check.model_copy(update={"threshold": threshold}) for check in result.checks]


def controls(context):
    limits, rows = context.gates.class_balance, context.synthetic.training
    rare = pd.concat([rows[rows[LABEL] == 0], rows[rows[LABEL] == 1].head(5)])
    return [
        Control("both outcomes frequent", None, lambda: judge(rows, limits, context.gate_context)),
        Control("one outcome all but missing", SHARE, lambda: judge(rare, limits, context.gate_context)),
    ]


GATE = PipelineGate(
    name="class balance",
    result="class_balance_gate",
    section=DATA_QUALITY,
    pipelines=("trains",),
    needs=(TRAINING_DATA,),
    guards=(TRAINING_DATA,),
    attach=attach,
    judge_again=judge_again,
    controls=controls,
)
'''.lstrip()

SETTINGS = '''
class ClassBalance(StrictModel):
    """How frequent the rarer outcome must be in the training rows."""

    rarer_share: Annotated[float, Field(gt=0, le=0.5), Stricter.HIGHER]


class Gates(StrictModel):'''.lstrip()


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} holds {old!r} once"
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_new_gate_is_attached_promoted_by_overridable_reported_and_proven(
    tmp_path: Path, _migrated_store: Path
) -> None:
    copy = copy_checkout(tmp_path)
    gates, settings = copy / "governance" / "gates", copy / "environments" / "model.py"
    (gates / "class_balance.py").write_text(GATE, encoding="utf-8")
    _replace(gates / "catalogue.py", "    champion,\n", "    champion,\n    class_balance,\n")
    _replace(gates / "catalogue.py", "    budget.GATE,\n", "    budget.GATE,\n    class_balance.GATE,\n")
    _replace(settings, "class Gates(StrictModel):", SETTINGS)
    _replace(settings, "    drift: Drift\n", "    drift: Drift\n    class_balance: ClassBalance\n")
    for environment, share in {"dev": 0.1, "staging": 0.2, "production": 0.4}.items():
        value = f"\ngates:\n  class_balance: {{rarer_share: {share}}}\n"
        _replace(settings.parent / f"{environment}.yaml", "\ngates:\n", value)
    told = run_in_copy(copy, own_gate.__file__, _migrated_store)
    steps = told["steps"]
    assert steps.index("validate_class_balance") < steps.index("model_trainer"), "what it guards waits for it"
    assert told["staging"] == ["share of the rarer outcome 0.3719 is at least 0.2", "passed"]
    assert told["production"] == ["share of the rarer outcome 0.3719 must be at least 0.4", "failed"]
    assert told["overridden"] == own_gate.OWN
    assert told["sections"] == ["Data quality"]
    assert told["page"]
    assert told["proven"] == {"both outcomes frequent": [True, True], "one outcome all but missing": [False, True]}
    assert "class_balance.rarer_share asks for less than staging.yaml" in told["refused"]
