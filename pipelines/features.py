"""Feature engineering: one transformer, fitted on the training rows and saved inside the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pipelines.artifacts import LABEL
from pipelines.config import ConfigError, Features, suggest
from pipelines.estimators import build, fit_or_explain, seeded

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import BaseEstimator

NUMERIC: Final = "numeric"
CATEGORICAL: Final = "categorical"


def fit_features(features: Features, training: pd.DataFrame, seed: int = 0) -> BaseEstimator:
    """Fit what turns the input columns of ``training`` into what the estimator takes; see :func:`build_features`.

    A step that chooses features by the label, such as ``SelectKBest``, sees that of the training rows.

    Raises:
        FitError: a step refuses these rows.
    """
    built = build_features(features, seed)
    what = "features" if features.preprocessing is None else "features.preprocessing"
    return fit_or_explain(what, lambda: built.fit(training[list(features.columns)], training[LABEL]))


def build_features(features: Features, seed: int = 0) -> Any:
    """Build the unfitted transformer of the input columns: the config's own steps, or the usual coding.

    The usual coding of numbers: the median where missing, then zero mean and unit variance. Of categories: the most
    frequent where missing, then one column each; a category not seen in training has a zero in all of them. With
    ``features.missing`` set to ``refuse`` nothing is imputed, as reading has refused missing values already.

    Raises:
        ConfigError: a step cannot be built, or is no transformer.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    if features.preprocessing is not None:
        return _own_steps(features, seed)
    numeric = [("scale", StandardScaler())]
    categorical = [("encode", OneHotEncoder(handle_unknown="ignore", sparse_output=False))]
    if features.missing == "impute":
        numeric.insert(0, ("impute", SimpleImputer(strategy="median")))
        categorical.insert(0, ("impute", SimpleImputer(strategy="most_frequent", missing_values=None)))
    parts = [
        (NUMERIC, Pipeline(numeric), list(features.numbers)),
        (CATEGORICAL, Pipeline(categorical), list(features.categorical)),
    ]
    return ColumnTransformer([part for part in parts if part[2]], remainder="drop")


def _own_steps(features: Features, seed: int) -> Any:
    """Build the config's steps. Each hands on a frame, so that the next one finds columns by name."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    assert features.preprocessing is not None
    columns: dict[str, Any] = {"remainder": "passthrough", "verbose_feature_names_out": False}
    steps = [("columns", ColumnTransformer([("all", "passthrough", list(features.columns))], **columns))]
    for place, step in enumerate(features.preprocessing):
        where = f"features.preprocessing.{place}"
        transformer = build(step, where)
        if not hasattr(transformer, "transform"):
            raise ConfigError(f"{where}.type: {step.type} is no transformer")
        if not hasattr(transformer, "set_output"):
            raise ConfigError(
                f"{where}.type: {step.type} does not name the columns that it makes, by which others find them: give "
                "it get_feature_names_out, as sklearn.base.OneToOneFeatureMixin has it for as many as it takes"
            )
        if "sparse_output" not in step.parameters and "sparse_output" in transformer.get_params(deep=False):
            transformer.set_params(sparse_output=False)  # a frame holds no sparse matrix
        seeded(transformer, seed)
        name = f"{place + 1}_{type(transformer).__name__}"
        if step.columns is not None:
            absent = sorted(set(step.columns) - set(features.columns))
            if place == 0 and absent:
                raise ConfigError(
                    f"{where}.columns: {absent[0]!r} is no feature.{suggest(absent[0], features.columns)}"
                )
            transformer = ColumnTransformer([("chosen", transformer, list(step.columns))], **columns)
        steps.append((name, transformer))
    return Pipeline(steps).set_output(transform="pandas")
