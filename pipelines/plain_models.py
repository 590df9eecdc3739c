"""What a step in plain Python returns as its model, made into a :class:`TrainedModel`.

Such a step fits any estimator on columns of ``training_data`` and returns it. What it takes and means is added here,
from the run's own artifacts and config, so that gates, signatures and batch inference treat it like every other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pipelines.artifacts import CONFIG, DATA_DESCRIPTION, LABEL, TRAINING_DATA, VALIDATION_DATA
from pipelines.config import ModelConfig
from pipelines.data import DataDescription
from pipelines.errors import PipelineError
from pipelines.model import TrainedModel, describe_model
from pipelines.onnx_models import OnnxModel

if TYPE_CHECKING:
    import pandas as pd


_COLUMNS: Final = "columns"
"""The step that hands an estimator the columns it was fitted on."""


class PlainModelError(PipelineError):
    """What a step returned as its model cannot be one; the message says why and what to return."""


def from_this_run(estimator: Any) -> TrainedModel:
    """Describe what the step that runs now returned as its model, by the artifacts of its run.

    Raises:
        PlainModelError: it cannot be the config's model.
    """
    from zenml import get_step_context
    from zenml.client import Client

    run = Client().get_pipeline_run(get_step_context().pipeline_run.id)
    outputs = {name: found[-1] for step in run.steps.values() for name, found in step.outputs.items() if found}
    config = ModelConfig.model_validate(run.config.extra[CONFIG])
    description, training = outputs[DATA_DESCRIPTION].load(), outputs[TRAINING_DATA].load()
    assert isinstance(description, DataDescription)
    held_out = outputs[VALIDATION_DATA].load() if VALIDATION_DATA in outputs else None
    return as_trained(estimator, config, description, training, held_out)


def as_trained(
    estimator: Any,
    config: ModelConfig,
    description: DataDescription,
    training: pd.DataFrame,
    held_out: pd.DataFrame | None = None,
) -> TrainedModel:
    """Describe a fitted ``estimator`` as the model of ``config``; of a search, its best estimator.

    What it says of the rows ``held_out`` is kept, for later batches to be compared with.

    Raises:
        PlainModelError: it is not fitted, does not fit the task, or was fitted on other columns or labels.
    """
    from sklearn.base import is_classifier, is_regressor
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if isinstance(estimator, OnnxModel):
        return _onnx_as_trained(estimator, config, description, training, held_out)
    model, kind = getattr(estimator, "best_estimator_", estimator), type(estimator).__name__
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise PlainModelError(f"the model that was returned, {kind}, is not fitted: call fit before return") from error
    except TypeError as error:
        raise PlainModelError(f"the model that was returned is {kind}, which is no estimator") from error
    if config.task == "regression":
        if not is_regressor(model):
            raise PlainModelError(f"{kind} is no regressor, and the config's task is regression")
    elif not is_classifier(model):
        raise PlainModelError(f"{kind} is no classifier, and the config's task is {config.task}")
    elif not hasattr(model, "predict_proba"):
        raise PlainModelError(
            f"{kind} gives no probabilities; wrap it, e.g. in sklearn.calibration.CalibratedClassifierCV"
        )
    else:
        _check_classes(model, kind, training)
    pipeline = _behind_its_columns(model, kind, config, training)
    return describe_model(config, description, training, pipeline, _described(model), held_out)


def returned_estimator(model: TrainedModel) -> Any:
    """Return the estimator as the step that fitted it returned it, or the pipeline of a model of another kind."""
    steps = getattr(model.pipeline, "steps", [])
    plain = [name for name, _ in steps] in (["estimator"], [_COLUMNS, "estimator"])
    return steps[-1][1] if plain else model.pipeline


def _onnx_as_trained(
    model: OnnxModel,
    config: ModelConfig,
    description: DataDescription,
    training: pd.DataFrame,
    held_out: pd.DataFrame | None,
) -> TrainedModel:
    classes = hasattr(model, "classes_")
    if classes != (config.task != "regression"):
        raise PlainModelError(
            f"the ONNX model has {'' if classes else 'no '}classes, and the config's task is {config.task}: give "
            f"OnnxModel {'classes=None' if classes else 'the classes'}"
        )
    if classes:
        _check_classes(model, "the ONNX model", training)
    rows = training[list(config.features.columns)].head(100)
    if classes:
        model.predict_proba(rows)
    else:
        model.predict(rows)
    described = {"type": "ONNX", "parameters": {"producer": model.producer}}
    return describe_model(config, description, training, model, described, held_out)


def _check_classes(model: Any, kind: str, training: pd.DataFrame) -> None:
    expected, found = sorted(training[LABEL].unique().tolist()), list(model.classes_)
    if found != expected:
        raise PlainModelError(
            f"{kind} was fitted on the classes {found}, and the label's are {expected}: fit it on data[{LABEL!r}]"
        )


def _behind_its_columns(model: Any, kind: str, config: ModelConfig, training: pd.DataFrame) -> Any:
    """Return a pipeline that takes the config's input columns and hands the model those it was fitted on."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    columns = list(config.features.columns)
    named = getattr(model, "feature_names_in_", None)
    names = columns if named is None else list(named)
    foreign = [name for name in names if name not in columns]
    if foreign:
        raise PlainModelError(
            f"{kind} was fitted on {', '.join(map(repr, foreign))}, no feature of the config: fit it on "
            "data[list(config.features.columns)], or add the column to features"
        )
    taken = getattr(model, "n_features_in_", len(names))
    if taken != len(names):
        raise PlainModelError(f"{kind} was fitted on {taken} columns without names, and the config has {len(names)}")
    steps: list[tuple[str, Any]] = [("estimator", model)]
    if named is None or names != columns:
        chosen = ColumnTransformer([("columns", "passthrough", names)], verbose_feature_names_out=False)
        # A model that was fitted on an array is given one, and one that knows columns by name a frame.
        chosen.set_output(transform="default" if named is None else "pandas").fit(training[columns])
        steps.insert(0, (_COLUMNS, chosen))
    return Pipeline(steps)


def _described(model: Any) -> dict[str, Any]:
    """Return the public name of the model's type, and the parameters that differ from the type's own.

    Of a pipeline they are those of its last step.
    """
    from sklearn.pipeline import Pipeline

    while isinstance(model, Pipeline):
        model = model.steps[-1][1]
    kind = type(model)
    module = ".".join(part for part in kind.__module__.split(".") if not part.startswith("_"))
    try:
        usual = kind().get_params(deep=False)
    except TypeError:  # one that cannot be made without arguments has no usual ones
        usual = {}
    given = {
        name: value for name, value in model.get_params(deep=False).items() if repr(value) != repr(usual.get(name))
    }
    return {
        "type": f"{module}.{kind.__name__}",
        "parameters": {
            name: value if isinstance(value, bool | int | float | str | None) else repr(value)
            for name, value in given.items()
        },
    }
