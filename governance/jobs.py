"""The jobs people run: train, validate, infer. Each is one governed pipeline on one stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.errors import Refused
from governance.model_pipelines import batch_inference_of, training_of
from governance.releases import Release, ensure_release, find_release
from governance.run import compiled_steps, run
from governance.target import Target
from governance.versions import STAGES, staged_version
from pipelines.config import read_config
from pipelines.validation import validation_pipeline

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse


class NoModelInUse(Refused):
    """The environment has no version of the model to work with."""


def train(target: Target) -> PipelineRunResponse:
    """Train a new version of the model in ``target``'s environment.

    Raises:
        GateFailed: the data or the model did not pass the environment's gates.
    """
    config = read_config(target.model)
    return run(training_of(config), target, config=config)


def preview_training(target: Target) -> list[str]:
    """The steps of :func:`train`, gates included."""
    config = read_config(target.model)
    return compiled_steps(training_of(config), target, config=config)


def validate(target: Target) -> PipelineRunResponse:
    """Evaluate the version in use in ``target``'s environment there, against that environment's thresholds.

    Raises:
        NoModelInUse: no version is in the environment, or one that was not promoted.
        GateFailed: the data or the model did not pass.
    """
    release = _release_in_use(target)
    return run(
        validation_pipeline,
        target,
        version=release.version,
        config=read_config(target.model),
        release_id=str(release.artifact_id),
        digest=release.digest,
    )


def infer(target: Target, data: str | None = None) -> PipelineRunResponse:
    """Score ``data`` with the version in use in ``target``'s environment.

    Args:
        target: The model and environment.
        data: CSV or Parquet file or URL; the source in the model's configuration when none is given.

    Raises:
        NoModelInUse: no version is in the environment, or one that was not promoted.
    """
    config = read_config(target.model)
    pipeline, release = batch_inference_of(config), _release_in_use(target)
    return run(
        pipeline,
        target,
        version=release.version,
        config=config,
        release_id=str(release.artifact_id),
        digest=release.digest,
        model_version=release.version,
        data=data,
    )


def _release_in_use(target: Target) -> Release:
    version = staged_version(target)
    if version is None:
        raise NoModelInUse(
            f"No version of {target.where} is in use. Train it in dev, then promote it: "
            f"`make train ENV=dev MODEL={target.model}`, `make promote MODEL={target.model} TO=staging`."
        )
    if target.environment.environment not in STAGES:
        return ensure_release(version, target)
    release = find_release(version, target)
    if release is None:
        raise NoModelInUse(
            f"Version {version.number} of {target.model} has the stage {version.stage!r} but no release "
            f"in {target.environment.environment}: the stage was set past `make promote`. Promote it, or set it back."
        )
    return release
