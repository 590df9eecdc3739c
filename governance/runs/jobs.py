"""The jobs people run: train, validate, infer. Each is one governed pipeline on one stack."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from zenml.logger import get_logger

from governance.core.errors import RefusedError
from governance.core.target import Target
from governance.registry.sign_trained import sign_trained
from governance.runs.collector import collect_recent
from governance.runs.pipelines import batch_inference_of, training_of, training_parameters
from governance.runs.prediction_access import record_predictions
from governance.runs.run import compiled_steps, run
from governance.runs.session import RunSession
from governance.signing.errors import NoSigningKeyError
from pipelines.sources.description import FileSource, parse_source
from pipelines.validation import validation_pipeline

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse
    from zenml.pipelines.pipeline_definition import Pipeline

_logger = get_logger(__name__)


class NoDataError(RefusedError):
    """The data that are to be scored are not where they are said to be."""


@dataclass(frozen=True)
class Preview:
    """What a run would be of."""

    version: str
    steps: list[str]


class ShardsError(RefusedError):
    """A pipeline of a model's own does not score in shards."""


def train(target: Target) -> PipelineRunResponse:
    """Train a new version of the model in ``target``'s environment.

    A model whose run ended well is signed with the environment's key. Whoever trains need not hold that key: without
    one the model stays unsigned, which is said, and no environment takes it until ``make sign`` was run by who does.

    Raises:
        GateFailedError: the data or the model did not pass the environment's gates.
        SigningError: the key cannot be used, or the model is not what the run recorded.
    """
    collect_recent(target)
    session = RunSession(target)
    pipeline = training_of(session.config)
    return sign_if_trained(session, run(pipeline, session, **training_parameters(pipeline, session.config)))


def sign_if_trained(session: RunSession, trained: PipelineRunResponse) -> PipelineRunResponse:
    """Sign the model of a training that ended well, as :func:`train` says, and return its run; errors as there."""
    target = session.target
    if trained.status.is_successful and trained.model_version is not None:
        try:
            sign_trained(target, trained.model_version, session.journal)
        except NoSigningKeyError as missing:
            number = trained.model_version.number
            _logger.warning(
                "Version %s of %s is not signed, so it cannot be promoted. %s", number, target.model, missing
            )
    return trained


def preview_training(target: Target) -> list[str]:
    """Return the steps of :func:`train`, gates included."""
    session = RunSession(target)
    pipeline = training_of(session.config)
    return compiled_steps(pipeline, session, **training_parameters(pipeline, session.config))


def validate(target: Target) -> PipelineRunResponse:
    """Evaluate the version in use in ``target``'s environment there, against that environment's thresholds.

    Raises:
        NoModelInUseError: no version is in the environment, or one that was not promoted.
        ReleaseError, SigningError: its files were altered or are not what the platform signed; nothing was loaded.
        GateFailedError: the data or the model did not pass.
    """
    collect_recent(target)
    session = RunSession(target)
    return run(validation_pipeline, session, version=session.release.version, **session.release_parameters)


def preview_validation(target: Target) -> Preview:
    """Check all that :func:`validate` checks before it starts, and return what it would run; errors as there."""
    session = RunSession(target)
    version = session.release.version
    steps = compiled_steps(validation_pipeline, session, version=version, **session.release_parameters)
    return Preview(version, steps)


def infer(target: Target, data: str | None = None, shards: int | None = None) -> PipelineRunResponse:
    """Score ``data`` with the version in use in ``target``'s environment.

    Args:
        target: The model and environment.
        data: Path or URL of CSV or Parquet, or a YAML file with a source's section; the source in the model's
            configuration when none is given.
        shards: Steps that share a folder of Parquet parts; as the configuration says when none are given.

    Raises:
        ShardsError: the model's own pipeline does not score in shards; no run was started.
        DataSourceError: the data cannot be divided into so many; no run was started.
        NoDataError: ``data`` is a path at which nothing is, or no source; no run was started.
        NoModelInUseError: no version is in the environment, or one that was not promoted.
        ReleaseError, SigningError: its files were altered or are not what the platform signed; nothing was loaded.
        NotRecordedError: the log cannot be written.
    """
    source = None if data is None else _as_source(data)
    collect_recent(target)
    session = RunSession(target)
    pipeline, parameters = _scoring(session, source, shards)
    done = run(pipeline, session, **parameters)
    record_predictions(target, session.journal, done)
    return done


def preview_inference(target: Target, data: str | None = None, shards: int | None = None) -> Preview:
    """Check all that :func:`infer` checks before it starts, and return what it would run; errors as there."""
    source = None if data is None else _as_source(data)
    session = RunSession(target)
    pipeline, parameters = _scoring(session, source, shards)
    steps = compiled_steps(pipeline, session, **parameters)
    return Preview(session.release.version, steps)


def _scoring(session: RunSession, source: str | None, shards: int | None) -> tuple[Pipeline, dict[str, Any]]:
    pipeline = batch_inference_of(session.config)
    parameters = {**session.scoring_parameters, "version": session.release.version, "data": source}
    if shards is None:
        return pipeline, parameters
    if "shards" not in inspect.signature(pipeline.entrypoint).parameters:
        raise ShardsError(f"SHARDS={shards}: {session.config.pipelines.batch_inference} takes no shards.")
    return pipeline, {**parameters, "shards": shards}


def _as_source(data: str) -> str:
    """Return what the run is to read: ``data``, or the section in the YAML file of that name.

    Raises:
        NoDataError: there is nothing, or it is no source.
    """
    if data.endswith((".yaml", ".yml")):
        if not Path(data).is_file():
            raise NoDataError(f"DATA={data}: there is nothing at {Path(data).resolve()}. No run was started.")
        try:
            section = yaml.safe_load(Path(data).read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise NoDataError(f"DATA={data}: not valid YAML: {error}. No run was started.") from error
        text = json.dumps(section, default=str)
    else:
        text = data
    try:
        source = parse_source(text)
    except ValueError as error:
        raise NoDataError(f"DATA={data}: {error}. No run was started.") from error
    if isinstance(source, FileSource) and ":" not in source.path and not Path(source.path).exists():
        raise NoDataError(f"DATA={data}: there is nothing at {Path(source.path).resolve()}. No run was started.")
    return text
