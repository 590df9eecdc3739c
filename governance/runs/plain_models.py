"""Pipelines in plain Python: the model that a step returns is stored as every other, or refused before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from governance.runs.errors import UngovernedPipelineError
from governance.runs.returned_types import returned_types
from pipelines.artifacts import DATA_DESCRIPTION, EVALUATION, MODEL, TRAINING_DATA, VALIDATION_DATA
from pipelines.data import DataDescription
from pipelines.evaluation import Evaluation
from pipelines.materializers import ESTIMATORS, TrainedModelMaterializer
from pipelines.model import TrainedModel
from pipelines.onnx_models import OnnxModel

if TYPE_CHECKING:
    from zenml.pipelines.pipeline_definition import Pipeline

    from pipelines.config import ModelConfig


_TYPES = {
    TRAINING_DATA: pd.DataFrame,
    VALIDATION_DATA: pd.DataFrame,
    DATA_DESCRIPTION: DataDescription,
    EVALUATION: Evaluation,
}
"""What the artifacts are that gates and signatures read."""


def store_plain_models(pipeline: Pipeline, config: ModelConfig) -> None:
    """Let each step that returns an estimator as the artifact ``model`` store it as a :class:`TrainedModel`.

    What is added to the estimator comes from other artifacts of the run, so the step waits for those.

    Raises:
        UngovernedPipelineError: an output is of another type than gates read, a step that takes the model asks for a
            type it does not get, the pipeline lacks an artifact that describes what the model was trained on, or
            ``config`` names preprocessing, which a step that fits by itself does not do.
    """
    _refuse_other_data(pipeline)
    makers = {
        name: invocation_id
        for invocation_id, invocation in pipeline.invocations.items()
        for name in invocation.step.entrypoint_definition.outputs
    }
    for invocation_id, invocation in list(pipeline.invocations.items()):
        output = invocation.step.entrypoint_definition.outputs.get(MODEL)
        if output is None or output.resolved_annotation is TrainedModel:
            continue
        _refuse_other_types(pipeline, invocation_id, output.resolved_annotation)
        if config.features.preprocessing is not None:
            raise UngovernedPipelineError(
                f"Pipeline {pipeline.name!r}: {invocation_id} fits the model by itself, so features.preprocessing of "
                f"{config.model}.yaml would be ignored. Take it out and let the step do it, or leave out "
                "pipelines.training and name an estimator."
            )
        _refuse_what_will_not_fit(pipeline, invocation_id, output.resolved_annotation)
        missing = [name for name in (TRAINING_DATA, DATA_DESCRIPTION) if name not in makers]
        if missing:
            raise UngovernedPipelineError(
                f"Pipeline {pipeline.name!r}: {invocation_id} returns a model, and no step puts out "
                f"{' or '.join(map(repr, missing))}, by which it is described. Use the step data_loader of "
                'pipelines.steps, or name outputs of your own so: Annotated[pd.DataFrame, "training_data"], '
                'Annotated[DataDescription, "data_description"].'
            )
        described_by = (TRAINING_DATA, VALIDATION_DATA, DATA_DESCRIPTION)
        invocation.upstream_steps.update(makers[name] for name in described_by if name in makers)
        # A copy: the step itself belongs to its author, and to other pipelines.
        invocation.step = invocation.step.with_options(output_materializers={MODEL: TrainedModelMaterializer})


def _refuse_other_data(pipeline: Pipeline) -> None:
    for invocation_id, invocation in pipeline.invocations.items():
        for name, output in invocation.step.entrypoint_definition.outputs.items():
            expected, found = _TYPES.get(name, object), output.resolved_annotation
            if found is not Any and not (isinstance(found, type) and issubclass(found, expected)) and name in _TYPES:
                raise UngovernedPipelineError(
                    f"Pipeline {pipeline.name!r}: the output {name!r} of {invocation_id} is of type {_name(found)}, "
                    f"and gates judge a {expected.__module__}.{expected.__name__}. Return one, or name it otherwise."
                )


def _refuse_other_types(pipeline: Pipeline, maker: str, annotation: Any) -> None:
    if not (isinstance(annotation, type) and issubclass(annotation, (OnnxModel, *ESTIMATORS))):
        raise UngovernedPipelineError(
            f"Pipeline {pipeline.name!r}: the output {MODEL!r} of {maker} is of type {_name(annotation)}. A model is "
            'a fitted estimator: Annotated[ClassifierMixin, "model"], RegressorMixin, BaseEstimator or OnnxModel.'
        )
    for invocation_id, invocation in pipeline.invocations.items():
        for name, used in invocation.input_artifacts.items():
            for source in used if isinstance(used, list) else [used]:
                if (source.invocation_id, source.output_name) != (maker, MODEL):
                    continue
                asked = invocation.step.entrypoint_definition.inputs[name].annotation
                taken = () if annotation is OnnxModel else ESTIMATORS
                if asked not in (TrainedModel, Any, *taken):
                    others = " or ".join(kind.__name__ for kind in (TrainedModel, *taken))
                    raise UngovernedPipelineError(
                        f"Pipeline {pipeline.name!r}: {invocation_id} takes the model as {_name(asked)}. Let its "
                        f"{name!r} be a {others}."
                    )


def _refuse_what_will_not_fit(pipeline: Pipeline, maker: str, annotation: type) -> None:
    """Refuse a step whose code says that it returns what its own annotation is not."""
    step = pipeline.invocations[maker].step
    outputs = list(step.entrypoint_definition.outputs)
    for found in returned_types(step.entrypoint, outputs.index(MODEL) if len(outputs) > 1 else None):
        if found and not any(issubclass(kind, annotation) for kind in found):
            names = " or ".join(sorted(kind.__name__ for kind in found))
            raise UngovernedPipelineError(
                f"Pipeline {pipeline.name!r}: {maker} names {_name(annotation)} as the type of its model and returns a "
                f"{names}, which is none, so ZenML would refuse it once it is trained. Write "
                f'Annotated[BaseEstimator, "model"].'
            )


def _name(annotation: Any) -> str:
    return str(getattr(annotation, "__name__", annotation))
