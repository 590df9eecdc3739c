"""Feature engineering: one transformer, fitted on the training rows and saved inside the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pipelines.config import Features

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.compose import ColumnTransformer

NUMERIC: Final = "numeric"
CATEGORICAL: Final = "categorical"


def fit_features(features: Features, training: pd.DataFrame) -> ColumnTransformer:
    """Fit imputation and scaling of numbers and one-hot coding of categories on ``training``.

    Numbers: the median where missing, then zero mean and unit variance. Categories: the most frequent where missing,
    then one column each; a category not seen here has a zero in all of them. With ``features.missing`` set to
    ``refuse`` nothing is imputed, as reading has refused missing values already.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numeric = [("scale", StandardScaler())]
    categorical = [("encode", OneHotEncoder(handle_unknown="ignore", sparse_output=False))]
    if features.missing == "impute":
        numeric.insert(0, ("impute", SimpleImputer(strategy="median")))
        categorical.insert(0, ("impute", SimpleImputer(strategy="most_frequent", missing_values=None)))
    parts = [
        (NUMERIC, Pipeline(numeric), list(features.numeric)),
        (CATEGORICAL, Pipeline(categorical), list(features.categorical)),
    ]
    transformer = ColumnTransformer([part for part in parts if part[2]], remainder="drop")
    return transformer.fit(training[list(features.columns)])
