"""Model versions: which one is in use where, and what evidence there is for it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.enums import ExecutionStatus, ModelStages

from governance.core.errors import RefusedError
from governance.core.target import Target
from governance.records.context import context_of
from pipelines.training import training_pipeline

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse, PipelineRunResponse

STAGES = {"staging": ModelStages.STAGING, "production": ModelStages.PRODUCTION}
"""Environments that have a stage of their own in ZenML's Model Control Plane."""


def staged_version(target: Target) -> ModelVersionResponse | None:
    """Return the version whose stage is ``target``'s environment; without such a stage, the newest that passed there.

    In dev that is the newest version whose training run completed with its gates.
    """
    stage = STAGES.get(target.environment.environment)
    if stage is None:
        return next(
            (
                v
                for v in versions_newest_first(target.model, target.project)
                if run_of(v, target, training_pipeline.name)
            ),
            None,
        )
    found = Client().list_model_versions(model=target.model, stage=stage, hydrate=True, project=target.project)
    return found.items[0] if found.items else None


class NoVersionError(RefusedError):
    """The model has no version of this number."""


def named_version(target: Target, number: str) -> ModelVersionResponse:
    """Return the version ``number`` of ``target``'s model.

    Raises:
        NoVersionError: there is none.
    """
    try:
        return Client().get_model_version(target.model, number, project=target.project)
    except KeyError as error:
        raise NoVersionError(
            f"{target.model} has no version {number!r}. `make models MODEL={target.model}` lists them."
        ) from error


def run_of(
    version: ModelVersionResponse, target: Target, pipeline: str, *, recorded: Collection[str] | None = None
) -> PipelineRunResponse | None:
    """Return the newest completed run of ``pipeline`` for ``version`` that was governed in ``target``'s environment.

    Args:
        version: the model version.
        target: the model and environment.
        pipeline: name of the pipeline.
        recorded: names of the runs that count, by the log; without them ZenML is taken at its word.
    """
    runs = Client().list_pipeline_runs(
        linked_to_model_version_id=version.id,
        status=ExecutionStatus.COMPLETED,
        hydrate=True,
        size=100,
        project=target.project,
    )
    for run in runs.items:
        context = context_of(run)
        if (
            context is not None
            and context.pipeline == pipeline
            and context.environment == target.environment.environment
            and context.model == target.model
            and context.gates
            and (recorded is None or run.name in recorded)
        ):
            return run
    return None


def versions_newest_first(model: str, project: str | None = None) -> list[ModelVersionResponse]:
    """Return the newest versions of ``model`` in ``project`` (None: the active one), at most 50."""
    found = Client().list_model_versions(model=model, sort_by="desc:number", size=50, hydrate=True, project=project)
    return list(found.items)


def restore_stages(
    candidate: ModelVersionResponse, stage: str, current: ModelVersionResponse | None, target: Target
) -> None:
    """Put the stages back as they were before ``candidate`` got ``target``'s."""
    if current is not None:
        current.set_stage(STAGES[target.environment.environment], force=True)
    candidate.set_stage(stage, force=True)


def number(version: ModelVersionResponse | None) -> str | None:
    """Return the number of ``version`` as text."""
    return None if version is None else str(version.number)


def named(number: str | None) -> str:
    """Return what a message calls the version ``number``."""
    return "no version" if number is None else f"version {number}"
