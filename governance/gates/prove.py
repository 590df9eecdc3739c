"""Proof that gates bite: each is given what it must stop, beside what it must let pass.

Everything is real but the people: made-up rows are written to a file, read, divided and trained on as in a pipeline,
and judged by the very functions and limits that judge in an environment.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import get_args

import pandas as pd

from environments import Environment
from governance.core import clock
from governance.gates import drift
from governance.gates.catalogue import PIPELINE_GATES
from governance.gates.context import GateContext
from governance.gates.drift_report import PSI
from governance.gates.exemptions import Exemption
from governance.gates.gate import Control, ControlContext
from governance.gates.result import GateFailedError, GateResult
from governance.gates.synthetic import MODEL, SyntheticData, make_synthetic_data
from pipelines.config import Task

TASKS: tuple[Task, ...] = get_args(Task)


@dataclass(frozen=True)
class Outcome:
    """What a gate did with a control."""

    gate: str
    task: str
    control: str
    environment: str
    must_pass: bool
    passed: bool
    for_the_reason: bool
    reason: str
    concluded: bool = True
    """Whether what passed was agreed to; of what a gate only lets go on nothing was concluded."""

    @property
    def proven(self) -> bool:
        """Whether the gate did what it must and, if it stopped the control, for what is wrong with it."""
        return self.passed == self.must_pass and (self.passed or self.for_the_reason)


def prove(environments: Iterable[Environment]) -> list[Outcome]:
    """Run every control of every task under the limits of each environment."""
    outcomes, chosen = [], list(environments)
    rows = max(map(_rows_needed, chosen))
    for task in TASKS:
        with tempfile.TemporaryDirectory() as folder:
            synthetic = make_synthetic_data(Path(folder), rows=rows, task=task)
            for environment in chosen:
                name = environment.environment
                outcomes += [run(gate, control, name, task) for gate, control in controls(environment, synthetic)]
    return outcomes


def _rows_needed(environment: Environment) -> int:
    """Return how many rows make every part as large as any limit asks for; at least 3,000, for narrow intervals."""
    return max(3000, *(6 * gate.control_rows(environment) for gate in PIPELINE_GATES))


def controls(environment: Environment, synthetic: SyntheticData) -> list[tuple[str, Control]]:
    """Return every control under the limits of ``environment``, each after the name of its gate."""
    policy = GateContext(model=MODEL, environment=environment.environment, policy_version="policy-of-the-controls")
    context = ControlContext(environment, synthetic, policy)
    found = [(gate.name, control) for gate in PIPELINE_GATES for control in gate.controls(context)]
    return found + [("override", control) for control in _override_controls(context)]


def run(gate: str, control: Control, environment: str, task: Task = "binary") -> Outcome:
    """Let the gate judge ``control``, which stands on a model of ``task``."""
    told = partial(Outcome, gate, task, control.name, environment, control.because is None)
    try:
        judged = control.judge()
        judging = next((known for known in PIPELINE_GATES if known.name == gate), None)
        result = judged.require() if judging is None else judging.require(judged)
    except GateFailedError as failed:
        stopped = failed.result.failures
        named = [check for check in stopped if check.name == control.because]
        return told(False, bool(named), "; ".join(map(str, named or stopped)))
    return told(True, True, "; ".join(str(check) for check in result.checks[:1]), concluded=result.settled)


def _override_controls(context: ControlContext) -> list[Control]:
    """Prove that an override covers what cannot be concluded, until it expires, and never what failed."""
    rows, model, dose = context.synthetic.held_out, context.synthetic.models["good"], f"{PSI}dose"
    few, failing = rows.head(context.gates.drift.minimum_rows - 1), rows.assign(dose=rows["dose"] * 3)

    def judge(frame: pd.DataFrame, hours: int) -> GateResult:
        expires = clock.now() + timedelta(hours=hours)
        statement = Exemption(gate=drift.GATE.name, expires=expires, statement_digest="0" * 64)
        result = drift.judge_drift(model.reference, frame, str(model.digest), context.gates, context.gate_context)
        return result.set_aside([statement], model_version=None, model_digest=model.digest, at=clock.now())

    return [
        Control("cannot conclude, with an override in force", None, lambda: judge(few, 1)),
        Control("cannot conclude, with an override that expired", dose, lambda: judge(few, -1)),
        Control("failed, with an override in force", dose, lambda: judge(failing, 1)),
    ]
