"""What a step in plain Python returns becomes a model of the config, or is refused with a word on what to return."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from pipelines.artifacts import LABEL
from pipelines.config import ModelConfig
from pipelines.data import TrainingSets, load_training_sets
from pipelines.model import TrainedModel, read_model, save_model
from pipelines.plain_models import PlainModelError, as_trained, returned_estimator
from tests.pipelines.conftest import config_of, train

COLUMNS = ["visits", "age"]


@pytest.fixture(scope="module")
def config(source: Path) -> ModelConfig:
    return config_of(source, features={"numeric": COLUMNS}, sensitive=[], estimator={"type": "random_forest"})


@pytest.fixture(scope="module")
def sets(config: ModelConfig) -> TrainingSets:
    return load_training_sets(config)


def described(estimator: Any, config: ModelConfig, sets: TrainingSets) -> TrainedModel:
    return as_trained(estimator, config, sets.description, sets.training)


@pytest.mark.parametrize(
    ("estimator", "columns", "kind", "parameters"),
    [
        (LogisticRegression(C=0.5), COLUMNS, "sklearn.linear_model.LogisticRegression", {"C": 0.5}),
        (LogisticRegression(), COLUMNS[::-1], "sklearn.linear_model.LogisticRegression", {}),
        (HistGradientBoostingClassifier(max_iter=3), ["age"], None, {"max_iter": 3}),
        (make_pipeline(StandardScaler(), LogisticRegression()), COLUMNS, "sklearn.linear_model.LogisticRegression", {}),
        (GridSearchCV(LogisticRegression(), {"C": [0.1, 9.0]}, cv=2), COLUMNS, None, None),
        (xgboost.XGBClassifier(n_estimators=3), COLUMNS, "xgboost.sklearn.XGBClassifier", None),
    ],
    ids=["frame", "other order", "some columns", "pipeline", "search", "booster"],
)
def test_estimator_is_given_the_columns_it_was_fitted_on(
    config: ModelConfig, sets: TrainingSets, tmp_path: Path, estimator: Any, columns: Any, kind: Any, parameters: Any
) -> None:
    fitted = estimator.fit(sets.training[columns], sets.training[LABEL])
    model = described(fitted, config, sets)
    read = read_model(tmp_path, save_model(model, tmp_path))
    expected = fitted.predict_proba(sets.validation[columns])[:, 1]
    np.testing.assert_allclose(read.predict_probability(sets.validation), expected)
    assert type(returned_estimator(read)) is type(getattr(fitted, "best_estimator_", fitted))
    assert kind in (None, read.signature.estimator["type"])
    assert parameters in (None, read.signature.estimator["parameters"])


def test_estimator_that_was_fitted_on_an_array_is_given_one(config: ModelConfig, sets: TrainingSets) -> None:
    fitted = LogisticRegression().fit(sets.training[COLUMNS].to_numpy(), sets.training[LABEL])
    found = described(fitted, config, sets).predict_probability(sets.validation)
    np.testing.assert_allclose(found, fitted.predict_proba(sets.validation[COLUMNS].to_numpy())[:, 1])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda rows: LogisticRegression(), "LogisticRegression, is not fitted: call fit before return"),
        (lambda rows: {"model": 1}, "is dict, which is no estimator"),
        (
            lambda rows: Ridge().fit(rows[COLUMNS], rows[LABEL]),
            "Ridge is no classifier, and the config's task is binary",
        ),
        (lambda rows: LinearSVC().fit(rows[COLUMNS], rows[LABEL]), "gives no probabilities; wrap it"),
        (
            lambda rows: LogisticRegression().fit(rows[COLUMNS], rows[LABEL].map({0: "no", 1: "yes"})),
            r"fitted on the classes .*, and the label's are \[0, 1\]: fit it on data\['label'\]",
        ),
        (
            lambda rows: LogisticRegression().fit(rows[["visits", LABEL]], rows[LABEL]),
            "was fitted on 'label', no feature of the config",
        ),
        (
            lambda rows: LogisticRegression().fit(rows[["visits"]].to_numpy(), rows[LABEL]),
            "was fitted on 1 columns without names, and the config has 2",
        ),
    ],
)
def test_what_cannot_be_the_config_s_model_is_refused_by_what_is_wrong(
    config: ModelConfig, sets: TrainingSets, make: Any, words: str
) -> None:
    with pytest.raises(PlainModelError, match=words):
        described(make(sets.training), config, sets)


def test_regressor_is_taken_for_regression(patients: pd.DataFrame, tmp_path: Path) -> None:
    patients.assign(outcome=patients["age"] * 2.0).to_parquet(tmp_path / "people.parquet")
    target = {"column": "outcome", "meaning": "days in hospital", "unit": "days"}
    config = config_of(
        tmp_path / "people.parquet", task="regression", target=target, features={"numeric": ["visits"]}, sensitive=[]
    )
    sets = load_training_sets(config)
    label = next(name for name in sets.training if name not in ("visits", *config.sensitive_columns))
    fitted = RandomForestRegressor(5, random_state=0).fit(sets.training[["visits"]], sets.training[label])
    model = described(fitted, config, sets)
    read = read_model(tmp_path / "model", save_model(model, tmp_path / "model"))
    np.testing.assert_allclose(
        read.pipeline.predict(sets.validation[["visits"]]), fitted.predict(sets.validation[["visits"]])
    )
    with pytest.raises(PlainModelError, match="is no regressor, and the config's task is regression"):
        described(LogisticRegression().fit(sets.training[["visits"]], sets.training["visits"] > 3), config, sets)


@pytest.mark.parametrize(
    "split",
    [{"method": "group", "group": "ward"}, {"method": "time", "column": "age"}],
    ids=lambda split: split["method"],
)
def test_search_keeps_groups_whole_and_the_past_first(
    source: Path, monkeypatch: pytest.MonkeyPatch, split: Any
) -> None:
    seen: list[tuple[Any, Any]] = []
    column = split.get("group", split.get("column"))
    from pipelines import estimators

    real = estimators._folds

    def folds(*given: Any) -> Any:
        inner = real(*given)

        class Told:
            def split(self, X: pd.DataFrame, y: Any = None, groups: Any = None) -> Any:  # noqa: N803
                for one, other in inner.split(X, y, groups):
                    seen.append((X["visits"].index[one], X["visits"].index[other]))
                    yield one, other

            def get_n_splits(self, *given: Any, **named: Any) -> int:
                return int(inner.get_n_splits(*given, **named))

        return Told()

    monkeypatch.setattr(estimators, "_folds", folds)
    search = {"parameters": {"C": [0.1, 1.0]}, "folds": 2}
    config = config_of(
        source, split=split, sensitive=[], estimator={"type": "logistic_regression", "search": search},
        features={"numeric": ["dose", "visits"]},
    )  # fmt: skip
    _, sets = train(config)
    values = sets.training[column]
    assert len(seen) == 2
    for one, other in seen:
        if split["method"] == "group":
            assert not set(values[one]) & set(values[other])
        else:
            assert values[one].max() <= values[other].min()
