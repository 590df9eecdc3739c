"""The pipelines that a model runs through: the shared ones, or those that its config names."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any

from zenml.pipelines.pipeline_definition import Pipeline

from governance.core.errors import RefusedError
from pipelines.batch_inference import batch_inference_pipeline
from pipelines.estimators import check_estimator
from pipelines.functions import check_functions
from pipelines.training import training_pipeline

if TYPE_CHECKING:
    from pipelines.config import ModelConfig


class PipelineMissingError(RefusedError):
    """A model's config names a pipeline that is not there, or that evidence could not be found by."""


def training_of(config: ModelConfig) -> Pipeline:
    """Return the pipeline that trains ``config``'s model.

    Raises:
        PipelineMissingError: the config names one that cannot be used.
        ConfigError: the config's estimator or preprocessing cannot be built, or does not fit its task.
        FunctionMissingError: a metric or a split of the team's own cannot be loaded.
    """
    check_estimator(config)
    check_functions(config)
    return _named(config.pipelines.training, config, "training", training_pipeline)


def training_parameters(pipeline: Pipeline, config: ModelConfig) -> dict[str, Any]:
    """Return what a training pipeline is called with: the model's config, where it takes one.

    Raises:
        PipelineMissingError: it cannot be called with that.
    """
    takes = inspect.signature(pipeline.entrypoint).parameters.values()
    unknown = [p.name for p in takes if p.name != "config" and p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    if unknown:
        raise PipelineMissingError(
            f"{config.model}: pipelines.training: it takes {', '.join(map(repr, unknown))}, and is called with config: "
            "ModelConfig or with nothing. Give the others a default."
        )
    return {"config": config} if any(p.name == "config" for p in takes) else {}


def batch_inference_of(config: ModelConfig) -> Pipeline:
    """Return the pipeline that scores with ``config``'s model.

    Raises:
        PipelineMissingError: the config names one that cannot be used.
    """
    return _named(config.pipelines.batch_inference, config, "batch_inference", batch_inference_pipeline)


def _named(path: str | None, config: ModelConfig, role: str, shared: Pipeline) -> Pipeline:
    if path is None:
        return shared
    where = f"{config.model}: pipelines.{role}: {path}"
    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name, None)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise  # a fault inside the module is its author's to see
        raise PipelineMissingError(f"{where}: there is no module {error.name}.") from error
    if not isinstance(found, Pipeline):
        raise PipelineMissingError(
            f"{where}: {module} holds no ZenML pipeline called {name!r}; decorate it with @pipeline."
        )
    if found.name != shared.name:
        # Promotion looks for evidence by the pipeline's name, as gates do by the artifact's.
        raise PipelineMissingError(
            f"{where}: its ZenML name is {found.name!r}, and a {role.replace('_', ' ')} pipeline is called "
            f"{shared.name!r}, by which its runs are found as evidence: @pipeline(name={shared.name!r})."
        )
    return found
