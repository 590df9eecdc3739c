"""Whatever can be fitted can be saved and read back, and predicts the same."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression, Ridge, TweedieRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, SplineTransformer, TargetEncoder
from sklearn.svm import SVC, LinearSVC

from pipelines.boosters import libraries_in
from pipelines.stored_estimators import from_files, to_files

RANDOM = np.random.default_rng(3)
ROWS = RANDOM.normal(size=(90, 4))
LABEL = (ROWS[:, 0] + ROWS[:, 1] > 0).astype(int)
XGB = xgboost.XGBClassifier(n_estimators=3, max_depth=2)
LGBM = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1)
LINEAR = LogisticRegression()


@pytest.mark.parametrize(
    "estimator",
    [
        XGB, LGBM, xgboost.XGBRFClassifier(n_estimators=3),
        CalibratedClassifierCV(LinearSVC(), cv=2), CalibratedClassifierCV(XGB, cv=2, method="isotonic"),
        StackingClassifier([("x", XGB), ("l", LGBM), ("linear", LINEAR)], cv=2),
        VotingClassifier([("x", XGB), ("linear", LINEAR)], voting="soft"),
        GridSearchCV(make_pipeline(SelectKBest(k=2), LINEAR), {"logisticregression__C": [0.1, 1]}, cv=2),
        BaggingClassifier(LGBM, n_estimators=2), OneVsRestClassifier(XGB),
        GradientBoostingClassifier(n_estimators=3), HistGradientBoostingClassifier(max_iter=3),
        RandomForestClassifier(n_estimators=3), GaussianProcessClassifier(), GaussianNB(), KNeighborsClassifier(),
        MLPClassifier((4,), max_iter=5), CalibratedClassifierCV(SVC(), cv=2),
        make_pipeline(SplineTransformer(), LINEAR), make_pipeline(FunctionTransformer(np.arctan), LINEAR),
        make_pipeline(KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"), LINEAR),
        make_pipeline(SelectFromModel(XGB), LINEAR),
        make_pipeline(RFE(LINEAR), LINEAR), make_pipeline(TargetEncoder(), LINEAR),
    ],
    ids=lambda estimator: "-".join(type(part).__name__ for part in (
        [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
    )),
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_classifier_read_back_predicts_the_same(estimator: Any) -> None:
    fitted = clone(estimator).fit(ROWS, LABEL)
    before = fitted.predict_proba(ROWS)
    files = to_files(fitted, "model.skops")
    read = from_files(files, "model.skops", "folder")
    np.testing.assert_array_equal(read.predict_proba(ROWS), before)
    np.testing.assert_array_equal(fitted.predict_proba(ROWS), before)  # saving leaves it as it was
    assert list(read.classes_) == [0, 1]
    assert bool(libraries_in(fitted)) == (len(files) > 1)


@pytest.mark.parametrize(
    "estimator",
    [
        xgboost.XGBRegressor(n_estimators=3), lightgbm.LGBMRegressor(n_estimators=3, verbose=-1), TweedieRegressor(),
        make_pipeline(FunctionTransformer(np.tanh), Ridge()),
    ],
    ids=lambda estimator: type(estimator).__name__,
)  # fmt: skip
def test_regressor_read_back_predicts_the_same(estimator: Any) -> None:
    fitted = estimator.fit(ROWS, ROWS[:, 0] * 2)
    read = from_files(to_files(fitted, "model.skops"), "model.skops", "folder")
    np.testing.assert_array_equal(read.predict(ROWS), fitted.predict(ROWS))


def test_every_booster_of_a_stack_has_a_file_of_its_own() -> None:
    stack = clone(StackingClassifier([("x", XGB), ("l", LGBM)], cv=2)).fit(ROWS, LABEL)
    files = to_files(stack, "model.skops")
    assert {name.rpartition(".")[2]: content[:4] for name, content in files.items() if name.startswith("booster-")} == {
        "ubj": files[next(name for name in files if name.endswith(".ubj"))][:4],
        "txt": b"tree",
    }
    assert len(files) == 3
