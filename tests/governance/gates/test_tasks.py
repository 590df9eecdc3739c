"""Every gate bites for every task, own metrics are judged like built-in ones, and no config weakens a floor."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from environments import Environment, load_platform
from environments.model import Fairness
from governance.core.requirements import Requirements
from governance.gates.bootstrap import seed_from
from governance.gates.catalogue import PIPELINE_GATES
from governance.gates.champion import DIFFERENCE, judge_champion
from governance.gates.groups import group_rows
from governance.gates.performance import OWN_FAILED, judge_measures, judge_performance, measure_performance
from governance.gates.prove import TASKS, Outcome, controls, run
from governance.gates.synthetic import SyntheticData, make_synthetic_data
from governance.gates.tasks import group_judge
from pipelines.config import MetricRules, ModelConfig, Task
from pipelines.evaluation import evaluate
from pipelines.tasks.metrics import METRICS
from tests.governance.gates.conftest import CONTEXT, gates, requirements

ENVIRONMENTS = ("dev", "staging", "production")


@pytest.fixture(scope="module", params=["multiclass", "regression"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SyntheticData:
    """People of the two tasks whose controls are not judged elsewhere."""
    return make_synthetic_data(tmp_path_factory.mktemp("made-up"), rows=3000, task=request.param)


def task_of(made: SyntheticData) -> Task:
    return made.config.task


def test_every_gate_and_task_has_controls_in_every_environment_and_each_is_proven(made: SyntheticData) -> None:
    platform, found = load_platform(), list[Outcome]()
    for name in ENVIRONMENTS:
        for gate, control in controls(platform.environment(name), made):
            found.append(run(gate, control, name, task_of(made)))
    assert [outcome for outcome in found if not outcome.proven] == []
    for gate, name in product([gate.name for gate in PIPELINE_GATES], ENVIRONMENTS):
        must = {outcome.must_pass for outcome in found if (outcome.gate, outcome.environment) == (gate, name)}
        assert must == {True, False}, f"{gate} of {task_of(made)} in {name} lacks what must pass, or be stopped"


def test_gates_prove_covers_every_task() -> None:
    assert set(TASKS) == set(METRICS)


def test_measures_are_those_of_the_evaluation_with_intervals_around_them(made: SyntheticData) -> None:
    told = evaluate(made.models["good"], made.held_out).metrics
    measured = {m.name: m for m in measure_performance(made.scored("good", made.held_out), resamples=500)}
    assert set(told) <= set(measured)
    for name, value in told.items():
        low, high = measured[name].intervals["95"]
        assert measured[name].value == pytest.approx(value)
        assert low <= value <= high or name in ("least_recall", "residual_bias", "calibration_error"), name


def own(rules: MetricRules) -> dict[str, MetricRules]:
    return {"costs": rules}


def costs(truth: Any, predicted: Any) -> float:
    """Ten a row that is wrong, or the squared error."""
    wrong = truth != predicted if truth.dtype == object else (truth - predicted) ** 2
    return float(10 * np.mean(wrong))


def judged(made: SyntheticData, rules: MetricRules) -> dict[str, str]:
    config = made.config.model_copy(update={"metrics": own(rules)})
    required = Requirements.of(load_platform().environment("production"), config)
    scored = replace(made.scored("good", made.held_out), own=own(rules))
    told = evaluate(made.models["good"], made.held_out)
    result = judge_performance(scored, told, required, gates(resamples=500), CONTEXT, overlap=0.01)
    return {check.name: check.verdict for check in result.checks}


def test_an_own_metric_is_judged_by_the_bound_of_its_interval(
    made: SyntheticData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.own_metrics.load_function", lambda path: costs)
    given: dict[str, Any] = {"function": "pipelines.teams.x:costs", "better": "lower"}
    scored = replace(made.scored("good", made.held_out), own=own(MetricRules(**given)))
    measured = next(m for m in measure_performance(scored, resamples=500) if m.name == "costs")
    low, high = measured.intervals["95"]
    assert measured.value is not None
    assert low < measured.value < high
    assert judged(made, MetricRules(**given, at_most=high * 1.01))["costs"] == "passed"
    assert judged(made, MetricRules(**given, at_most=(measured.value + high) / 2))["costs"] == "cannot_conclude"
    assert judged(made, MetricRules(**given, at_most=low))["costs"] == "failed"


def test_an_own_metric_that_fails_fails_the_gate_with_or_without_a_limit(
    made: SyntheticData, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def sometimes(truth: Any, predicted: Any) -> float:
        calls.append(1)
        return float("inf") if len(calls) > 40 else 1.0  # well on all rows, ill on a resample

    monkeypatch.setattr("pipelines.own_metrics.load_function", lambda path: sometimes)
    rules = MetricRules(function="pipelines.teams.x:costs", better="lower")
    assert judged(made, rules)[OWN_FAILED] == "failed"
    never_measured = judge_measures((), Requirements(own=("costs",)), gates(), overlap=0.01)
    assert next(check for check in never_measured if check.name == OWN_FAILED).verdict == "cannot_conclude"


def test_an_own_metric_has_a_margin_against_the_champion(made: SyntheticData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.own_metrics.load_function", lambda path: costs)
    rules = MetricRules(function="pipelines.teams.x:costs", better="lower", margin=1.0)
    required = Requirements.of(
        load_platform().environment("production"), made.config.model_copy(update={"metrics": own(rules)})
    )
    verdicts = {}
    for name in ("retrained", "inferior"):
        challenger = made.models[name]
        challenger.signature = challenger.signature.model_copy(update={"metrics": own(rules)})
        result = judge_champion(
            challenger, made.models["good"], made.held_out, (), required, gates(resamples=500), CONTEXT,
            versions=("2", "1"),
        )  # fmt: skip
        verdicts[name] = next(c.verdict for c in result.checks if c.name == "costs" + DIFFERENCE)
        challenger.signature = challenger.signature.model_copy(update={"metrics": {}})
    assert verdicts == {"retrained": "passed", "inferior": "failed"}


def test_a_champion_that_predicts_something_else_is_not_compared(made: SyntheticData) -> None:
    if task_of(made) != "multiclass":
        pytest.skip("numbers have no classes")
    champion = made.models["good"]
    label = champion.signature.label
    before = champion.signature
    champion.signature = before.model_copy(update={"label": label.model_copy(update={"classes": label.classes[::-1]})})
    try:
        result = judge_champion(
            made.models["retrained"], champion, made.held_out, (), requirements(task="multiclass"), gates(), CONTEXT,
            versions=("2", "1"),
        )  # fmt: skip
    finally:
        champion.signature = before
    assert result.verdict == "cannot_conclude"


def test_fairness_intervals_are_those_of_drawing_rows_anew(made: SyntheticData) -> None:
    rows = made.held_out.head(400)
    scored, judge = made.scored("biased", rows), group_judge(task_of(made))
    groups = group_rows(rows, made.config.attributes[0], made.models["biased"].reference)
    found = judge.measure(scored, groups, 2000)
    random, drawn = np.random.default_rng(5), []
    strata = rows["sex"] + (rows["label"].astype(str) if task_of(made) == "multiclass" else "")
    members = [np.flatnonzero(strata == one) for one in strata.unique()]
    for _ in range(150):
        again = rows.iloc[np.concatenate([random.choice(group, len(group)) for group in members])]
        anew = made.scored("biased", again.reset_index(drop=True))
        of_again = group_rows(anew.frame, made.config.attributes[0], made.models["biased"].reference)
        drawn.append([measure.value for measure in judge.measure(anew, of_again, 2)])
    for place, measure in enumerate(found):
        expected = np.quantile([values[place] for values in drawn], [0.1, 0.9])
        assert measure.intervals["80"] == pytest.approx(tuple(expected), abs=0.06)
    assert seed_from(scored.data_digest)


def test_every_fairness_limit_is_a_field_of_the_settings() -> None:
    for task in METRICS:
        for measure in group_judge(task).fairness:
            assert measure.name in Fairness.model_fields


def asked(environment: Environment, task: Task, **metrics: MetricRules) -> Requirements:
    config = ModelConfig.model_construct(
        model="m_x", task=task, metrics=metrics, target=requirements_target(task)
    )  # fmt: skip
    return Requirements.of(environment, config)


def requirements_target(task: Task) -> Any:
    from pipelines.config import Target

    return Target(column="y", meaning="x", unit="kg" if task == "regression" else "")


def test_a_config_may_ask_for_more_than_the_environment_and_never_for_less() -> None:
    production = load_platform().environment("production")
    floor = asked(production, "regression").thresholds
    assert set(floor) == {"squared_error_skill", "residual_bias"}
    less = asked(production, "regression", squared_error_skill=MetricRules(at_least=0.01))
    assert less.thresholds == floor
    more = asked(production, "regression", squared_error_skill=MetricRules(at_least=0.9))
    assert more.thresholds["squared_error_skill"].limit == 0.9
    bias = asked(production, "regression", residual_bias=MetricRules(at_most=0.9, margin=0.5))
    assert bias.thresholds == floor
    units = asked(production, "regression", rmse=MetricRules(at_most=60, margin=2))
    assert str(units.thresholds["rmse"]) == "<= 60 kg"
    assert units.margins["rmse"].bound == "at most"
    wide = asked(production, "regression", squared_error_skill=MetricRules(margin=0.9))
    assert wide.margins == asked(production, "regression").margins
    assert not set(asked(production, "binary").thresholds) & set(floor)
