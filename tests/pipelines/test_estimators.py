"""Any estimator of the known libraries can be named; what cannot be built is refused before anything is fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.components import Estimator
from pipelines.config import ConfigError
from pipelines.errors import FitError
from pipelines.estimators import build_estimator, check_estimator
from tests.pipelines.conftest import config_of, train

_LINEAR_SVC = {"type": "sklearn.svm.LinearSVC"}
_STACKING = {
    "type": "sklearn.ensemble.StackingClassifier",
    "parameters": {
        "estimators": [
            ["linear", {"type": "logistic_regression"}],
            ["forest", {"type": "sklearn.ensemble.RandomForestClassifier", "parameters": {"n_estimators": 5}}],
        ],
        "cv": 2,
    },
}


@pytest.mark.parametrize(
    "estimator",
    [
        {"type": "sklearn.ensemble.ExtraTreesClassifier", "parameters": {"n_estimators": 5}},
        {"type": "sklearn.neural_network.MLPClassifier", "parameters": {"hidden_layer_sizes": [4, 3]}},
        {"type": "sklearn.calibration.CalibratedClassifierCV", "parameters": {"estimator": _LINEAR_SVC, "cv": 2}},
        {"type": "xgboost.XGBClassifier", "parameters": {"max_depth": 2}},
        {"type": "lightgbm.LGBMClassifier", "parameters": {"verbose": -1}},
        _STACKING,
    ],
    ids=lambda estimator: str(estimator["type"]).rpartition(".")[2],
)
def test_estimator_of_any_known_library_is_built_and_seeded_through(estimator: dict[str, Any]) -> None:
    built = build_estimator(Estimator.model_validate(estimator), seed=7)
    assert type(built).__name__ == estimator["type"].rpartition(".")[2]
    states = {name: value for name, value in built.get_params().items() if name.endswith("random_state")}
    assert states
    assert set(states.values()) == {7}


def test_seed_that_the_config_gives_is_kept() -> None:
    estimator = Estimator(type="random_forest", parameters={"random_state": 3})
    assert build_estimator(estimator, seed=7).random_state == 3


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (
            {"type": "sklearn.ensemble.ExtraTreesClasifier"},
            "estimator.type: sklearn.ensemble holds no 'ExtraTreesClasifier'. "
            "Did you mean 'sklearn.ensemble.ExtraTreesClassifier'?",
        ),
        ({"type": "sklearn.ensembl.RandomForestClassifier"}, "there is no module sklearn.ensembl. Did you mean"),
        ({"type": "pipelines.teams.nobody.Own"}, "there is no module pipelines.teams.nobody"),
        ({"type": "sklearn.utils.check_array"}, "it is no estimator class"),
        ({"type": "logistic_regression", "parameters": {"max_itr": 3}}, "Did you mean 'max_iter'?"),
        (
            {"type": "logistic_regression", "parameters": {"C": -1}},
            "estimator.parameters.C: The 'C' parameter of LogisticRegression must be a float in the range (0.0, inf]",
        ),
        ({"type": "xgboost.XGBClassifier", "parameters": {"max_dept": 3}}, "Did you mean 'max_depth'?"),
        ({"type": "lightgbm.LGBMClassifier", "parameters": {"num_leave": 3}}, "Did you mean 'num_leaves'?"),
        (
            {"type": "sklearn.calibration.CalibratedClassifierCV", "parameters": {"estimator": {"type": "svm"}}},
            "estimator.parameters.estimator: 'svm' is not an estimator",
        ),
        (
            {
                "type": "sklearn.ensemble.VotingClassifier",
                "parameters": {"estimators": [["a", {"type": "random_forest", "parameters": {"max_depth": "x"}}]]},
            },
            "estimator.parameters.estimators.0.1.parameters.max_depth: The 'max_depth' parameter",
        ),
        (
            {"type": "xgboost.XGBClassifier", "parameters": {"max_depth": "deep"}},
            "estimator.parameters: XGBClassifier does not take them: Invalid Parameter format for max_depth",
        ),
        ({"type": "lightgbm.LGBMClassifier", "parameters": {"num_leaves": -4}}, "LGBMClassifier does not take them"),
        (
            {"type": "logistic_regression", "parameters": {"class_weight": {0: -1, 1: 1}}},
            "estimator.parameters.class_weight: a weight is not negative",
        ),
        ({"type": "sklearn.naive_bayes.GaussianNB", "parameters": {"priors": [-1, 2]}}, "a weight is not negative"),
        (
            {
                "type": "sklearn.ensemble.VotingClassifier",
                "parameters": {"estimators": [["a", {"type": "random_forest"}]], "voting": "hard"},
            },
            "VotingClassifier gives no probabilities with these parameters",
        ),
        ({"type": "sklearn.linear_model.Ridge"}, "is no classifier, and task is binary"),
        (_LINEAR_SVC, "gives no probabilities with these parameters; wrap it"),
        ({"type": "logistic_regression", "search": {"parameters": {"c_": [1]}}}, "search.parameters.c_: Logistic"),
        ({"type": "logistic_regression", "search": {"parameters": {"C": [1, -1]}}}, "Got -1 instead"),
        (
            {"type": "logistic_regression", "search": {"parameters": {"C": [1]}, "scoring": "roc"}},
            "'roc' is no scorer of scikit-learn. Did you mean 'roc_auc'?",
        ),
    ],
)
def test_estimator_that_cannot_be_built_is_refused_by_name(estimator: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_estimator(config_of("people.parquet", estimator=estimator))
    assert expected in str(error.value)


@pytest.mark.parametrize(
    "estimator",
    [
        {
            "type": "xgboost.XGBClassifier",
            "parameters": {"objective": "multi:softprob", "monotone_constraints": [1, 0]},
        },
        {"type": "lightgbm.LGBMClassifier", "parameters": {"subsample": 0.01, "subsample_freq": 1, "verbose": -1}},
        {"type": "logistic_regression", "parameters": {"class_weight": "balanced"}},
    ],
)
def test_values_that_suit_other_rows_are_not_refused(estimator: dict[str, Any]) -> None:
    check_estimator(config_of("people.parquet", estimator=estimator))


def test_what_cannot_be_fitted_is_one_line_by_key(source: Path, tmp_path: Path) -> None:
    weights = {"type": "logistic_regression", "parameters": {"class_weight": {"ill": 2.0}}}
    with pytest.raises(FitError, match=r"^estimator cannot be fitted on the training rows: ValueError: The classes.*$"):
        train(config_of(source, estimator=weights))
    steps = [{"type": "sklearn.impute.SimpleImputer"}]  # whose mean a text has not
    with pytest.raises(FitError, match=r"^features.preprocessing cannot be fitted on the training rows: ValueError: "):
        train(config_of(source, features={"numeric": ["dose"], "categorical": ["ward"], "preprocessing": steps}))
    search = {"method": "grid", "folds": 10, "parameters": {"C": [1, 2]}}
    few = tmp_path / "few.parquet"
    pd.read_parquet(source).head(12).to_parquet(few)
    with pytest.raises(FitError, match=r"^estimator.search cannot be fitted on the training rows: ValueError: "):
        train(config_of(few, estimator={"type": "logistic_regression", "search": search}))


def test_preprocessing_of_a_column_that_is_no_feature_is_refused() -> None:
    steps = [{"type": "sklearn.preprocessing.PowerTransformer", "columns": ["doze"]}]
    with pytest.raises(ConfigError, match=r"preprocessing.0.columns: 'doze' is no feature. Did you mean 'dose'"):
        check_estimator(config_of("people.parquet", features={"numeric": ["dose"], "preprocessing": steps}))


def test_lightgbm_without_the_system_s_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> Any:
        raise OSError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr("pipelines.estimators.import_module", fail)
    with pytest.raises(ConfigError, match="apt-get install libgomp1"):
        build_estimator(Estimator(type="lightgbm.LGBMClassifier"), seed=1)


def test_search_keeps_the_best_of_what_it_tried_and_says_which(source: Path) -> None:
    search = {"method": "random", "candidates": 2, "folds": 2, "parameters": {"C": [1e-6, 1.0]}}
    model, sets = train(config_of(source, estimator={"type": "logistic_regression", "search": search}))
    assert model.signature.estimator["chosen"] == {"C": 1.0}
    assert model.pipeline.named_steps["estimator"].C == 1.0
    again, _ = train(config_of(source, estimator={"type": "logistic_regression", "search": search}))
    np.testing.assert_array_equal(
        model.predict_probability(sets.validation), again.predict_probability(sets.validation)
    )


def test_own_preprocessing_replaces_the_usual_coding(source: Path) -> None:
    steps = [
        {"type": "sklearn.impute.SimpleImputer", "columns": ["dose", "visits"]},
        {"type": "sklearn.preprocessing.OneHotEncoder", "columns": ["ward"]},
        {"type": "sklearn.feature_selection.SelectKBest", "parameters": {"k": 2}},
    ]
    features = {"numeric": ["dose", "visits"], "categorical": ["ward"], "preprocessing": steps}
    model, sets = train(config_of(source, features=features))
    chosen = model.pipeline[:-1].transform(sets.validation[model.signature.column_names])
    assert set(chosen.columns) == {"dose", "ward_B"}
    with pytest.raises(ConfigError, match=r"features.preprocessing.0.type: .*Lasso is no transformer"):
        check_estimator(
            config_of(source, features={**features, "preprocessing": [{"type": "sklearn.linear_model.Lasso"}]})
        )
