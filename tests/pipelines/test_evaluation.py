"""Figures are what their definitions say, with risk as the positive class, and are refused where they mean nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from environments import load_platform
from governance.core.requirements import Requirements
from pipelines import list_models, read_config
from pipelines.data import data_digest
from pipelines.evaluation import Evaluation, EvaluationError, evaluate
from pipelines.model import TrainedModel
from pipelines.tasks.binary import CURVE_POINTS
from tests.pipelines.conftest import train


def _scored(model: TrainedModel, truth: list[int], probability: list[float]) -> Evaluation:
    """The evaluation of a model that gives these probabilities."""

    class Given:
        classes_ = np.array([0, 1])

        def predict_proba(self, inputs: pd.DataFrame) -> np.ndarray:
            return np.column_stack([1 - np.array(probability), probability])

    frame = pd.DataFrame({name: ["x"] * len(truth) for name in model.signature.column_names}).assign(label=truth)
    given = TrainedModel(Given(), model.signature, model.reference, model.training_rows)  # type: ignore[arg-type]
    return evaluate(given, frame)


def test_figures_worked_out_by_hand(model: TrainedModel) -> None:
    found = _scored(model, [1, 1, 1, 0, 0, 0, 0, 0], [0.9, 0.8, 0.3, 0.7, 0.4, 0.2, 0.1, 0.1])
    assert found.shape.confusion.model_dump() == {"tn": 4, "fp": 1, "fn": 1, "tp": 2}
    assert (found.rows, found.labels["risk"], found.decision_threshold) == (8, 3, 0.5)
    share = model.signature.training_labels["risk"] / model.signature.training_rows
    expected = {
        "roc_auc": 13 / 15,  # of 15 pairs, the risk is ranked higher in all but (0.3, 0.7) and (0.3, 0.4)
        "average_precision": (1 / 1 + 2 / 2 + 3 / 5) / 3,
        "precision": 2 / 3,
        "recall": 2 / 3,
        "specificity": 4 / 5,
        "f1": 2 / 3,
        "brier_score": (0.01 + 0.04 + 0.49 + 0.49 + 0.16 + 0.04 + 0.01 + 0.01) / 8,
        "brier_skill": 1 - 1.25 / (3 * (1 - share) ** 2 + 5 * share**2),
        "accuracy": 6 / 8,
    }
    assert found.metrics == pytest.approx(expected)
    assert (found.shape.roc_curve.false_positive_rate[0], found.shape.roc_curve.true_positive_rate[0]) == (0, 0)
    assert (found.shape.roc_curve.false_positive_rate[-1], found.shape.roc_curve.true_positive_rate[-1]) == (1, 1)


def test_risk_counted_on_the_other_class_would_show(model: TrainedModel) -> None:
    truth, probability = [1, 1, 0, 0, 0], [0.9, 0.8, 0.3, 0.2, 0.1]
    right = _scored(model, truth, probability).metrics
    wrong = _scored(model, truth, [1 - p for p in probability]).metrics
    assert [right[name] for name in ("roc_auc", "recall", "specificity")] == [1, 1, 1]
    assert [wrong[name] for name in ("roc_auc", "recall", "specificity")] == [0, 0, 0]


def test_calibration_groups_are_even_and_add_up(model: TrainedModel) -> None:
    random = np.random.default_rng(1)
    probability = random.random(1000)
    truth = (random.random(1000) < probability).astype(int)
    found = _scored(model, truth.tolist(), probability.tolist()).shape.calibration
    assert found.count == (100,) * 10
    assert np.dot(found.observed, found.count) == truth.sum()
    assert np.dot(found.predicted, found.count) == pytest.approx(probability.sum())
    assert np.abs(np.subtract(found.observed, found.predicted)).max() < 0.15


def test_calibration_takes_equal_probabilities_and_few_rows(model: TrainedModel) -> None:
    found = _scored(model, [0, 1, 1], [0.5, 0.5, 0.5])
    assert found.shape.calibration.count == (1, 1, 1)
    assert found.metrics["roc_auc"] == 0.5


def test_precision_is_zero_where_nobody_is_flagged(model: TrainedModel) -> None:
    found = _scored(model, [0, 1], [0.1, 0.2])
    assert [found.metrics[name] for name in ("precision", "recall", "f1")] == [0, 0, 0]


def test_long_curve_is_thinned_and_keeps_its_ends(model: TrainedModel) -> None:
    random = np.random.default_rng(2)
    probability = random.random(20_000)
    truth = (random.random(20_000) < probability).astype(int)
    curve = _scored(model, truth.tolist(), probability.tolist()).shape.roc_curve
    assert CURVE_POINTS * 0.9 < len(curve.true_positive_rate) <= CURVE_POINTS
    assert curve.true_positive_rate[0] == curve.false_positive_rate[0] == 0
    assert curve.true_positive_rate[-1] == curve.false_positive_rate[-1] == 1


def test_evaluation_names_its_model_and_data_and_survives_storage(model: TrainedModel, saved: Any) -> None:
    found = evaluate(model, saved[2].validation)
    assert found.model_digest == saved[1]
    assert found.data_digest == data_digest(saved[2].validation) == saved[2].description.validation_digest
    assert found.meaning == "is ill"
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda frame: frame.drop(columns="label"), "no column 'label'"),
        (lambda frame: frame.assign(label=0), "judged by these 120 rows: only one outcome occurs"),
        (lambda frame: frame.assign(label=1), "only one outcome occurs"),
        (lambda frame: frame.assign(label=frame["label"] + 1), "must be 0 or 1; it holds 2"),
        (lambda frame: frame.assign(label=np.nan), "must be 0 or 1; it holds nan"),
        (lambda frame: frame.iloc[:0], "no rows"),
    ],
)
def test_rows_that_cannot_judge_a_model_are_refused(
    model: TrainedModel, saved: Any, change: Any, expected: str
) -> None:
    with pytest.raises(EvaluationError, match=expected):
        evaluate(model, change(saved[2].validation))


@pytest.mark.parametrize("name", list_models())
def test_example_model_clears_the_production_thresholds(name: str) -> None:
    trained, sets = train(read_config(name))
    metrics = evaluate(trained, sets.validation).metrics
    required = Requirements.of(load_platform().environment("production"), read_config(name)).thresholds
    assert required
    for metric, asked in required.items():
        reached = metrics[metric]
        assert reached <= asked.limit if asked.bound == "at most" else reached >= asked.limit, metric
