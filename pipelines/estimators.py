"""The estimators that a config can choose, built with scikit-learn."""

from __future__ import annotations

from typing import Any

from pipelines.config import Estimator


def build_estimator(estimator: Estimator, seed: int) -> Any:
    """Build the unfitted classifier that ``estimator`` describes, seeded where it draws random numbers."""
    parameters = estimator.parameters.model_dump()
    match estimator.type:
        case "logistic_regression":
            from sklearn.linear_model import LogisticRegression

            return LogisticRegression(random_state=seed, **parameters)
        case "random_forest":
            from sklearn.ensemble import RandomForestClassifier

            return RandomForestClassifier(random_state=seed, **parameters)
        case "gradient_boosting":
            from sklearn.ensemble import HistGradientBoostingClassifier

            return HistGradientBoostingClassifier(random_state=seed, **parameters)
