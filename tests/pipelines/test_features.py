"""Features are scaled, imputed and coded by what the training rows hold, and by nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from pipelines.data import load_training_sets
from pipelines.features import fit_features
from pipelines.model import TrainedModel
from tests.pipelines.conftest import config_of, train


def test_numbers_are_scaled_and_categories_coded(config: Any) -> None:
    training = load_training_sets(config).training
    transformed = fit_features(config.features, training).transform(training)
    assert transformed.shape == (len(training), 2 + 3 + 3 + 2)
    np.testing.assert_allclose(transformed[:, :2].mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(transformed[:, :2].std(axis=0), 1, atol=1e-9)
    assert (transformed[:, 2:5].sum(axis=1) == 1).all()
    assert np.isfinite(transformed).all()


def test_missing_values_become_what_training_rows_usually_hold(config: Any) -> None:
    training = load_training_sets(config).training
    features = fit_features(config.features, training)
    gap = training.head(1).assign(dose=np.nan, ward=None)
    filled = training.head(1).assign(dose=training["dose"].median(), ward=training["ward"].mode()[0])
    np.testing.assert_array_equal(features.transform(gap), features.transform(filled))


def test_category_that_training_did_not_see_is_none_of_those_it_saw(config: Any) -> None:
    training = load_training_sets(config).training
    features = fit_features(config.features, training)
    assert features.transform(training.head(1).assign(ward="Z"))[0, 2:5].tolist() == [0, 0, 0]


def test_nothing_is_imputed_where_missing_values_are_refused(source: Any) -> None:
    config = config_of(source, features={"numeric": ["visits"], "categorical": ["ward"], "missing": "refuse"})
    features = fit_features(config.features, load_training_sets(config).training)
    steps = [name for _, part, _ in features.transformers_ if isinstance(part, Pipeline) for name, _ in part.steps]
    assert steps == ["scale", "encode"]


def test_model_carries_the_features_it_was_trained_with(model: TrainedModel, saved: Any, config: Any) -> None:
    """Inference by hand, feature by feature, gives what the saved model gives."""
    sets = saved[2]
    features = fit_features(config.features, sets.training)
    classifier = model.pipeline.named_steps["estimator"]
    inputs = features.transform(sets.validation[model.signature.column_names])
    log_odds = inputs @ classifier.coef_[0] + classifier.intercept_[0]
    np.testing.assert_allclose(model.predict_probability(sets.validation), 1 / (1 + np.exp(-log_odds)), atol=1e-12)


@pytest.mark.parametrize(
    "estimator",
    [
        {"type": "logistic_regression"},
        {"type": "random_forest", "parameters": {"n_estimators": 30}},
        {"type": "gradient_boosting", "parameters": {"max_iter": 20}},
    ],
    ids=lambda estimator: str(estimator["type"]),
)
def test_every_estimator_learns_and_repeats_itself(source: Any, estimator: dict[str, Any]) -> None:
    config = config_of(source, estimator=estimator)
    one, sets = train(config)
    two, _ = train(config)
    probability = one.predict_probability(sets.validation)
    np.testing.assert_array_equal(probability, two.predict_probability(sets.validation))
    ill, well = (probability[sets.validation["label"] == risk].mean() for risk in (1, 0))
    assert ill > well + 0.2
