"""Figures of classes and numbers are scikit-learn's under any weighting, and evaluations hold what there is to draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from pipelines.config import MetricRules, ModelConfig
from pipelines.evaluation import Evaluation, EvaluationError, evaluate, score
from pipelines.model import TrainedModel
from pipelines.own_metrics import OwnMetric, measure_own
from pipelines.tasks import task_of
from pipelines.tasks.metrics import METRICS, find_metric, metric_of
from pipelines.tasks.multiclass import MulticlassScorer
from pipelines.tasks.regression import RegressionScorer
from tests.pipelines.conftest import config_of, make_patients, train

CLASSES = ("mild", "moderate", "severe")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Patients with a severity that follows from the dose, and days in bed that do too."""
    frame = make_patients(600)
    burden = frame["dose"].fillna(50) / 12 + np.random.default_rng(3).normal(0, 0.6, len(frame))
    file = tmp_path_factory.mktemp("tasks") / "patients.parquet"
    severity = np.select([burden < 3.7, burden < 4.6], CLASSES[:2], CLASSES[2])
    frame.assign(severity=severity, days=10 + 3 * burden).to_parquet(file, index=False)
    return file


def classes_of(source: Any, **changes: Any) -> ModelConfig:
    target = {"column": "severity", "meaning": "how ill", "classes": list(CLASSES)}
    return config_of(source, task="multiclass", **{"target": target, **changes})


def numbers_of(source: Any, **changes: Any) -> ModelConfig:
    target = {"column": "days", "meaning": "days in bed", "unit": "days"}
    estimator = {"type": "sklearn.linear_model.Ridge"}
    return config_of(source, task="regression", **{"target": target, "estimator": estimator, **changes})


@pytest.fixture(scope="module")
def classes(source: Any) -> tuple[TrainedModel, pd.DataFrame]:
    model, sets = train(classes_of(source))
    return model, sets.validation


@pytest.fixture(scope="module")
def numbers(source: Any) -> tuple[TrainedModel, pd.DataFrame]:
    model, sets = train(numbers_of(source))
    return model, sets.validation


def weights(rows: int, seed: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, (3, rows)).astype(float)


def test_figures_of_classes_are_scikit_learns_under_any_weighting() -> None:
    random = np.random.default_rng(1)
    truth = np.repeat([0, 1, 2], [60, 40, 20])
    raw = random.random((120, 3)).round(1) + 0.1 + 0.5 * np.eye(3)[truth]
    output, shares = raw / raw.sum(axis=1, keepdims=True), np.array([0.5, 0.3, 0.2])
    found = MulticlassScorer(truth, output, CLASSES, shares).figures(weights(120))
    for row, weight in enumerate(weights(120)):
        given = {"sample_weight": weight}
        called = output.argmax(axis=1)
        recalls = metrics.recall_score(truth, called, average=None, **given)
        loss = metrics.log_loss(truth, output, **given)
        expected = {
            "accuracy": metrics.accuracy_score(truth, called, **given),
            "balanced_accuracy": metrics.balanced_accuracy_score(truth, called, **given),
            "least_recall": recalls.min(),
            "macro_f1": metrics.f1_score(truth, called, average="macro", **given),
            "macro_roc_auc": np.mean([metrics.roc_auc_score(truth == k, output[:, k], **given) for k in range(3)]),
            "log_loss": loss,
            "log_loss_skill": 1 - loss / metrics.log_loss(truth, np.tile(shares, (120, 1)), **given),
            **{f"recall of {name}": recalls[label] for label, name in enumerate(CLASSES)},
        }
        assert {name: found[name][row] for name in expected} == pytest.approx(expected)


def test_figures_of_numbers_are_scikit_learns_under_any_weighting() -> None:
    random = np.random.default_rng(2)
    truth = random.normal(100, 20, 81)
    output = truth + random.normal(1, 9, 81)
    found = RegressionScorer(truth, output, 97.0, 21.0).figures(weights(81))
    for row, weight in enumerate(weights(81)):
        given = {"sample_weight": weight}
        squared = metrics.mean_squared_error(truth, output, **given)
        expected = {
            "rmse": squared**0.5,
            "mae": metrics.mean_absolute_error(truth, output, **given),
            "median_absolute_error": np.median(np.repeat(np.abs(truth - output), weight.astype(int))),
            "r2": metrics.r2_score(truth, output, **given),
            "squared_error_skill": 1 - squared / metrics.mean_squared_error(truth, np.full(81, 97.0), **given),
            "residual_bias": abs(np.average(truth - output, weights=weight)) / 21,
        }
        assert {name: found[name][row] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_the_scorer_and_the_evaluation_agree_and_name_every_metric(task: str, request: pytest.FixtureRequest) -> None:
    model, held_out = request.getfixturevalue(task)
    told = evaluate(model, held_out)
    found = score(model, held_out).figures(np.ones((1, len(held_out))))
    assert told.metrics == pytest.approx({name: value[0] for name, value in found.items()})
    assert {metric.name for metric in METRICS[told.task]} <= set(told.metrics)
    assert all(metric_of(told.task, name) and find_metric(name) for name in told.metrics)
    skill = told.metrics["log_loss_skill" if task == "classes" else "squared_error_skill"]
    assert 0.2 < skill < 1
    assert Evaluation.model_validate_json(told.model_dump_json()) == told


def test_a_trivial_model_has_no_skill() -> None:
    truth, shares = np.repeat([0, 1, 2], [50, 30, 20]), np.array([0.5, 0.3, 0.2])
    trivial = MulticlassScorer(truth, np.tile(shares, (100, 1)), CLASSES, shares).figures(np.ones((1, 100)))
    assert trivial["log_loss_skill"][0] == pytest.approx(0)
    numbers = np.arange(10.0)
    flat = RegressionScorer(numbers, np.full(10, 4.5), 4.5, 3.0).figures(np.ones((1, 10)))
    assert flat["squared_error_skill"][0] == pytest.approx(0)


def test_classes_are_found_by_label_and_named_in_what_is_drawn(classes: tuple[TrainedModel, pd.DataFrame]) -> None:
    model, held_out = classes
    output = model.predict(held_out)
    assert output.shape == (len(held_out), 3)
    assert (output.argmax(axis=1) == held_out["label"]).mean() > 0.6
    shape = evaluate(model, held_out).shape
    assert shape.task == "multiclass"
    assert shape.classes == CLASSES
    assert np.sum(shape.confusion) == len(held_out)
    assert np.trace(shape.confusion) == (output.argmax(axis=1) == held_out["label"]).sum()
    model.pipeline.steps[-1][1].classes_ = model.pipeline.classes_[::-1]
    try:
        assert np.allclose(model.predict(held_out), output[:, ::-1])
    finally:
        model.pipeline.steps[-1][1].classes_ = model.pipeline.classes_[::-1]


def test_what_is_drawn_of_numbers_is_of_no_single_row(numbers: tuple[TrainedModel, pd.DataFrame]) -> None:
    shape = evaluate(*numbers).shape
    assert shape.task == "regression"
    assert min(shape.count) >= 10
    assert sum(shape.count) == sum(shape.residual_counts) == len(numbers[1])
    assert all(low <= high for low, high in zip(shape.low, shape.high, strict=True))
    assert list(shape.predicted) == sorted(shape.predicted)


@pytest.mark.parametrize(
    ("task", "change", "expected"),
    [
        ("classes", lambda f: f.assign(label=f["label"] + 1), "must be a whole number from 0 to 2; it holds 3"),
        ("classes", lambda f: f[f["label"] > 0], "no row is of class mild"),
        ("numbers", lambda f: f.assign(label=np.inf), "missing or infinite in"),
        ("numbers", lambda f: f.assign(label=1.0), "every row has the same number"),
    ],
)
def test_rows_that_cannot_judge_are_refused(
    task: str, change: Any, expected: str, request: pytest.FixtureRequest
) -> None:
    model, held_out = request.getfixturevalue(task)
    with pytest.raises(EvaluationError, match=expected):
        evaluate(model, change(held_out))


def test_predictions_and_their_counts_are_the_tasks(
    classes: tuple[TrainedModel, pd.DataFrame], numbers: tuple[TrainedModel, pd.DataFrame]
) -> None:
    for (model, frame), expected in (
        (classes, ["predicted_class", "probability", *(f"probability_{name}" for name in CLASSES)]),
        (numbers, ["predicted_value"]),
    ):
        task, output = task_of(model.signature.task), model.predict(frame)
        assert list(task.columns(model.signature)) == expected
        values = task.values(output, model.signature)
        assert [len(value) for value in values] == [len(frame)] * len(expected)
        low, high = task.range_of(model.signature)
        assert ((low <= task.drawn(output)) & (task.drawn(output) <= high)).all()
    counts = task_of("multiclass").outcomes(classes[0].decide(classes[0].predict(classes[1])), classes[0].signature)
    assert (tuple(counts), sum(counts.values())) == (CLASSES, len(classes[1]))


def cost(y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
    """What calling a class wrong costs."""
    return float(np.average((y_true != y_pred) * 10.0, weights=sample_weight))


def share_right(truth: Any, predicted: Any) -> float:
    """The same without weights, from probabilities."""
    return float((np.asarray(CLASSES)[predicted.argmax(axis=1)] == truth).mean())


RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("function", "of", "problem"),
    [
        (cost, None, ""),
        (share_right, "output", ""),
        (lambda truth, predicted: 1 / 0, None, "raised ZeroDivisionError"),
        (lambda truth, predicted: float("nan"), None, "returned nan, which is no finite number"),
        (lambda truth, predicted: RANDOM.random(), None, "for the same rows"),
        (lambda truth, predicted: "much", None, "raised ValueError"),
        (lambda truth, predicted: predicted.sort() or 1.0, "output", ""),  # what it writes into is a copy
    ],
)
def test_own_metrics_are_finite_and_repeat_themselves_or_say_why(
    classes: tuple[TrainedModel, pd.DataFrame], monkeypatch: pytest.MonkeyPatch, function: Any, of: Any, problem: str
) -> None:
    monkeypatch.setattr("pipelines.own_metrics.load_function", lambda path: function)
    scorer = score(*classes)
    before = scorer.output.copy()
    rules = MetricRules(function="pipelines.teams.x:own", better="lower", of=of)
    found = measure_own({"own": rules, "accuracy": MetricRules(at_least=0.5)}, scorer)
    assert set(found) == {"own"}
    assert problem in found["own"].problem
    assert (found["own"].value is None) == bool(problem)
    assert np.array_equal(scorer.output, before)


def test_an_own_metric_without_weights_is_given_the_rows_as_often_as_they_count(
    classes: tuple[TrainedModel, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = score(*classes)
    drawn = weights(len(scorer.truth))[0]
    values = []
    for function in (cost, lambda truth, predicted: cost(truth, predicted)):
        monkeypatch.setattr("pipelines.own_metrics.load_function", lambda path, function=function: function)
        values.append(OwnMetric(MetricRules(function="pipelines.teams.x:own", better="lower"), scorer).on(drawn))
    assert values[0] == pytest.approx(values[1])
    assert values[0] == pytest.approx(10 * (1 - scorer.figures(drawn[None])["accuracy"][0]))


def test_an_own_metric_that_is_not_there_says_so(classes: tuple[TrainedModel, pd.DataFrame]) -> None:
    rules = MetricRules(function="pipelines.own_metrics:no_such", better="lower")
    assert "has no function 'no_such'" in measure_own({"own": rules}, score(*classes))["own"].problem
    rules = MetricRules(function="pipelines.no_such_module:x", better="lower")
    assert "cannot be imported" in measure_own({"own": rules}, score(*classes))["own"].problem
