"""How a config names estimators and preprocessing: classes by name, with parameters of their own.

Only shapes are checked here, as nothing heavy is imported; :func:`pipelines.estimators.check_estimator` holds names and
values against the classes themselves, before a run starts.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from pipelines.strict import StrictModel

SHORT_NAMES: Final = ("logistic_regression", "random_forest", "gradient_boosting")
"""Names for the common case; what they stand for depends on the task."""

LIBRARIES: Final = ("sklearn", "xgboost", "lightgbm", "pipelines.teams")
"""Packages whose classes a config may name."""

_PATTERN: Final = (
    rf"^(?:{'|'.join(SHORT_NAMES)}|(?:{'|'.join(LIBRARIES).replace('.', chr(92) + '.')})(?:\.[A-Za-z_][A-Za-z0-9_]*)+)$"
)

DottedName = Annotated[
    str,
    Field(
        max_length=200,
        description="A class of scikit-learn, XGBoost, LightGBM or the team's own package by its dotted name, such as "
        "sklearn.ensemble.ExtraTreesClassifier; or logistic_regression, random_forest, gradient_boosting.",
        json_schema_extra={"pattern": _PATTERN},
    ),
]


class Component(StrictModel, allow_inf_nan=False):
    """A class and what it is made with. A parameter that is an estimator is written in the same way."""

    type: DottedName
    parameters: dict[str, Any] = Field(
        default={}, description="Of the class's constructor; {type, parameters} is another estimator."
    )

    @field_validator("type")
    @classmethod
    def _of_a_known_library(cls, name: str) -> str:
        known = name in SHORT_NAMES or name.startswith(tuple(f"{library}." for library in LIBRARIES))
        if not known or not all(part.isidentifier() for part in name.split(".")):
            raise ValueError(
                f"{name!r} is not an estimator: give one of {', '.join(map(repr, SHORT_NAMES))}, or a class by its "
                f"dotted name, of {', '.join(LIBRARIES)}, e.g. 'sklearn.ensemble.ExtraTreesClassifier'"
            )
        return name


class PreprocessingStep(Component):
    """A transformer, and the columns that it is for."""

    columns: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] | None = Field(
        default=None,
        description="Columns to transform; the others stay as they are. All columns when none are named. A later step "
        "names columns as the ones before it leave them.",
    )


class Search(StrictModel, allow_inf_nan=False):
    """Looks for the best parameters by cross-validation on the training rows."""

    method: Literal["grid", "random", "halving"] = "grid"
    parameters: Annotated[dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]], Field(min_length=1)] = Field(
        description="Values to try, by parameter; outer__inner is a parameter of a nested estimator."
    )
    candidates: Annotated[int, Field(ge=1)] = Field(default=10, description="Combinations that `random` draws.")
    folds: Annotated[int, Field(ge=2)] = 5
    scoring: str | None = Field(
        default=None,
        description="A scorer of scikit-learn. roc_auc, neg_log_loss or neg_root_mean_squared_error by the task when "
        "none is given.",
    )

    @model_validator(mode="after")
    def _candidates_are_of_random(self) -> Search:
        if self.method != "random" and "candidates" in self.model_fields_set:
            raise ValueError(f"candidates: only for method random; {self.method} tries every combination")
        return self


class Estimator(Component):
    """The model that is fitted behind the features."""

    search: Search | None = None
