"""Proof that gates bite: each is given what it must stop, beside what it must let pass.

Everything is real but the people: made-up rows are written to a file, read, divided and trained on as in a pipeline,
and judged by the very functions and limits that judge in an environment.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pandas as pd

from environments import Environment
from governance.gates import champion, data_quality, drift, fairness, performance
from governance.gates.context import GateContext
from governance.gates.exemptions import Exemption
from governance.gates.result import GateFailedError, GateResult, now
from governance.gates.synthetic import MODEL, SyntheticData, make_synthetic_data
from pipelines.evaluation import evaluate


@dataclass(frozen=True)
class Outcome:
    """What a gate did with a control."""

    gate: str
    control: str
    environment: str
    must_pass: bool
    passed: bool
    for_the_reason: bool
    reason: str

    @property
    def proven(self) -> bool:
        """Whether the gate did what it must and, if it stopped the control, for what is wrong with it."""
        return self.passed == self.must_pass and (self.passed or self.for_the_reason)


@dataclass(frozen=True)
class Control:
    """Something that a gate must let pass or, if ``because`` names checks, must stop by each of them."""

    gate: str
    name: str
    because: tuple[str, ...]
    judge: Callable[[], GateResult]

    @property
    def must_pass(self) -> bool:
        """Whether the gate must let it pass."""
        return not self.because

    def run(self, environment: str) -> Outcome:
        """Let the gate judge it."""
        try:
            result = self.judge().require()
        except GateFailedError as failed:
            stopped = failed.result.failures
            hit = set(self.because) <= {check.name for check in stopped}
            named = [check for check in stopped if check.name in self.because] or stopped
            reason = "; ".join(map(str, named))
            return Outcome(self.gate, self.name, environment, self.must_pass, False, hit, reason)
        reason = "; ".join(str(check) for check in result.checks[:1])
        return Outcome(self.gate, self.name, environment, self.must_pass, True, True, reason)


def prove(environments: Iterable[Environment]) -> list[Outcome]:
    """Run every control under the limits of each environment."""
    outcomes, chosen = [], list(environments)
    with tempfile.TemporaryDirectory() as folder:
        made = make_synthetic_data(Path(folder), rows=max(map(_rows_needed, chosen)))
        for environment in chosen:
            name = environment.environment
            outcomes += [control.run(name) for control in controls(environment, made)]
    return outcomes


def _rows_needed(environment: Environment) -> int:
    """Rows of which every part is as large as any limit asks for; at least 3,000, so that intervals are narrow."""
    gates = environment.gates
    smallest = max(
        gates.minimum_rows,
        environment.data_quality.minimum_rows,
        gates.drift.minimum_rows,
        2 * gates.minimum_per_class,
        2 * gates.fairness.minimum_group_rows,
        4 * gates.fairness.minimum_group_per_class,
    )
    return max(3000, 6 * smallest)


def controls(environment: Environment, made: SyntheticData) -> list[Control]:
    """Every control under the limits of ``environment``."""
    terms = GateContext(model=MODEL, environment=environment.environment, policy_version="policy-of-the-controls")
    return [
        *_data_controls(environment, made, terms),
        *_input_controls(environment, made, terms),
        *_performance_controls(environment, made, terms),
        *_fairness_controls(environment, made, terms),
        *_drift_controls(environment, made, terms),
        *_champion_controls(environment, made, terms),
        *_override_controls(environment, made, terms),
    ]


def _data_controls(environment: Environment, made: SyntheticData, terms: GateContext) -> list[Control]:
    limits, columns, rows = environment.data_quality, data_quality.Columns.of(made.config), made.training

    def judge(
        name: str, because: str | None, frame_of: Callable[[], pd.DataFrame], gate: str = data_quality.NAME
    ) -> Control:
        return Control(
            gate,
            name,
            _checks(because),
            lambda: data_quality.judge_data_quality(frame_of(), columns, limits, terms, gate=gate),
        )

    return [
        judge("good data", None, lambda: rows),
        judge(
            "a column half missing",
            data_quality.MISSING,
            lambda: rows.assign(dose=rows["dose"].where(rows.index % 2 == 0)),
        ),
        judge("rows repeated", data_quality.REPEATED, lambda: made.repeated(rows)),
        judge(
            "a value out of range",
            data_quality.SCHEMA,
            lambda: rows.assign(dose=rows["dose"].where(rows.index > 0, 1e6)),
        ),
        judge("a column missing", data_quality.SCHEMA, lambda: rows.drop(columns="dose")),
        judge("good held-out data", None, lambda: made.held_out, data_quality.HELD_OUT),
        judge("one outcome only", data_quality.OUTCOMES, lambda: made.held_out.assign(risk=1), data_quality.HELD_OUT),
        judge(
            "too few rows",
            data_quality.ROWS,
            lambda: made.held_out.head(limits.minimum_rows - 1),
            data_quality.HELD_OUT,
        ),
    ]


def _input_controls(environment: Environment, made: SyntheticData, terms: GateContext) -> list[Control]:
    def judge(name: str, because: str | None, batch: str) -> Control:
        return Control(
            data_quality.INPUT,
            name,
            _checks(because),
            lambda: data_quality.judge_input(made.profile(batch), environment.data_quality, terms),
        )

    return [
        judge("a batch like the training rows", None, "good"),
        judge("a batch with values missing", data_quality.MISSING, "missing"),
        judge("a batch beyond the known range", data_quality.OUTSIDE, "outside"),
        judge("a batch of unseen categories", data_quality.UNSEEN, "unseen"),
    ]


def _performance_controls(environment: Environment, made: SyntheticData, terms: GateContext) -> list[Control]:
    gates = environment.gates

    def judge(
        name: str, because: str | None, model: str = "good", rows: int | None = None, told: str = "true"
    ) -> Control:
        def run() -> GateResult:
            frame = made.held_out if rows is None else made.few(rows)
            frame = made.training if told == "trained on" else frame
            evaluation = evaluate(made.models[model], frame)
            if told == "flattering":
                better = evaluation.metrics.model_copy(update={"recall": 1.0})
                evaluation = evaluation.model_copy(update={"metrics": better})
            return performance.judge_performance(
                made.scored(model, frame),
                evaluation,
                environment.thresholds,
                gates,
                terms,
                overlap=environment.data_quality.duplicate_share,
            )

        return Control(performance.NAME, name, _checks(because), run)

    metric = next(iter(environment.thresholds.required()))
    return [
        judge("a good model", None),
        judge("a model trained on shuffled labels", metric, "shuffled"),
        judge("too few rows", metric, rows=gates.minimum_rows - 1),
        judge("an evaluation that flatters", performance.AGREEMENT, told="flattering"),
        judge("rows it was trained on", performance.OVERLAP, told="trained on"),
    ]


def _fairness_controls(environment: Environment, made: SyntheticData, terms: GateContext) -> list[Control]:
    gates = environment.gates

    def judge(
        name: str, because: str | None, model: str = "good", rows: int | None = None, named: bool = True
    ) -> Control:
        def run() -> GateResult:
            frame = made.held_out if rows is None else made.few(rows)
            attributes = made.config.attributes if named else ()
            reference = made.models[model].reference
            return fairness.judge_fairness(made.scored(model, frame), attributes, reference, gates, terms)

        return Control(fairness.NAME, name, _checks(because), run)

    odds = fairness.measure_name(fairness.EQUALIZED_ODDS, "sex")
    return [
        judge("a model that treats groups alike", None),
        judge("a model that overlooks one group", odds, "biased"),
        judge("groups too small", odds, rows=2 * gates.fairness.minimum_group_rows - 2),
        judge("no attribute named", fairness.NO_ATTRIBUTE, named=False),
    ]


def _drift_controls(environment: Environment, made: SyntheticData, terms: GateContext) -> list[Control]:
    gates, model = environment.gates, made.models["good"]

    def judge(name: str, because: str | None, frame_of: Callable[[], pd.DataFrame]) -> Control:
        digest = str(model.digest)
        return Control(
            drift.NAME,
            name,
            _checks(because),
            lambda: drift.judge_drift(model.reference, frame_of(), digest, gates, terms),
        )

    rows, dose = made.held_out, f"{drift.PSI}dose"
    return [
        judge("data as in training", None, lambda: rows),
        judge("a number that moved", dose, lambda: rows.assign(dose=rows["dose"] + 0.8 * rows["dose"].std())),
        judge(
            "another mix of categories",
            f"{drift.DISTANCE}ward",
            lambda: rows.assign(ward=rows["ward"].replace("C", "A")),
        ),
        judge("values gone missing", dose, lambda: rows.assign(dose=rows["dose"].where(rows.index % 3 > 0))),
        judge("too few rows", dose, lambda: rows.head(gates.drift.minimum_rows - 1)),
    ]


def _champion_controls(environment: Environment, made: SyntheticData, terms: GateContext) -> list[Control]:
    gates = environment.gates

    def judge(
        name: str, because: str | None, challenger: str, against: str, versions: tuple[str, str] = ("2", "1")
    ) -> Control:
        return Control(
            champion.NAME,
            name,
            _checks(because),
            lambda: champion.judge_champion(
                made.models[challenger],
                made.models[against],
                made.held_out,
                made.config.attributes,
                gates,
                terms,
                versions=versions,
            ),
        )

    margin = next(iter(gates.champion.margins.required())) + champion.DIFFERENCE
    return [
        judge("a challenger as good", None, "retrained", "good"),
        judge("an inferior challenger", margin, "inferior", "good"),
        judge("a challenger worse in one group", f"{champion.RECALL_IN}sex=b", "biased", "good"),
        judge("a version compared with itself", champion.SAME_VERSION, "good", "good", ("1", "1")),
        judge("a champion trained on the held-out rows", champion.UNSEEN, "retrained", "leaked"),
    ]


def _override_controls(environment: Environment, made: SyntheticData, terms: GateContext) -> list[Control]:
    """An override covers what cannot be concluded, until it expires, and never what failed."""

    def judge(name: str, because: str | None, *, failed: bool, valid: bool) -> Control:
        def run() -> GateResult:
            moment = now()
            statement = Exemption(
                gate=drift.NAME, expires=moment + timedelta(hours=1 if valid else -1), statement_digest="0" * 64
            )
            frame = made.held_out.head(environment.gates.drift.minimum_rows - 1)
            if failed:
                frame = made.held_out.assign(dose=made.held_out["dose"] * 3)
            model = made.models["good"]
            result = drift.judge_drift(model.reference, frame, str(model.digest), environment.gates, terms)
            return result.set_aside([statement], model_digest=model.digest, at=moment)

        return Control("override", name, _checks(because), run)

    dose = f"{drift.PSI}dose"
    return [
        judge("cannot conclude, with an override in force", None, failed=False, valid=True),
        judge("cannot conclude, with an override that expired", dose, failed=False, valid=False),
        judge("failed, with an override in force", dose, failed=True, valid=True),
    ]


def _checks(because: str | None) -> tuple[str, ...]:
    return () if because is None else (because,)
