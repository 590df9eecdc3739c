"""The runs behind a model version, as ZenML and their own context tell of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.utils.dashboard_utils import get_run_url

from environments import ORDER
from governance.core.target import Target
from governance.records.context import RunContext, context_of
from governance.report.data import RunPurpose, RunRecord
from governance.runs.trackers import trace_of
from pipelines.batch_inference import batch_inference_pipeline
from pipelines.training import training_pipeline
from pipelines.validation import validation_pipeline

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse, PipelineRunResponse

_PURPOSES: dict[str, RunPurpose] = {
    training_pipeline.name: "training",
    validation_pipeline.name: "validation",
    batch_inference_pipeline.name: "batch inference",
}


@dataclass(frozen=True)
class GovernedRun:
    """A finished run with the context that governance gave it."""

    run: PipelineRunResponse
    context: RunContext
    purpose: RunPurpose

    @property
    def environment(self) -> str:
        """Where it ran."""
        return self.context.environment

    @property
    def started(self) -> datetime:
        """When it started, in UTC; ZenML keeps UTC without saying so."""
        return (self.run.start_time or self.run.created).replace(tzinfo=UTC)

    def record(self) -> RunRecord:
        """Return what a report shows of it."""
        provenance, ended, url = self.context.provenance, self.run.end_time, get_run_url(self.run)
        return RunRecord(
            purpose=self.purpose,
            name=self.run.name,
            id=str(self.run.id),
            environment=self.environment,
            status=self.run.status.value,
            started=self.started,
            duration=None if ended is None else ended.replace(tzinfo=UTC) - self.started,
            started_by=provenance.started_by,
            git_commit=provenance.git_commit,
            git_dirty=provenance.git_dirty,
            lock_digest=provenance.lock_digest,
            tracked=trace_of(self.run),
            url=url if url is not None and url.startswith(("http://", "https://")) else None,
        )


def environments_up_to(target: Target) -> tuple[str, ...]:
    """Return the team's environments that a version passes through until it is in ``target``'s, that one last."""
    known = [name for name in ORDER if name in target.team.environments and name in target.platform.environments]
    return tuple(known[: known.index(target.environment.environment) + 1])


def newest_runs(version: ModelVersionResponse, target: Target) -> list[GovernedRun]:
    """Return the newest finished run of ``version`` for each purpose and environment, as a version meets them.

    Only runs in environments up to ``target``'s count, and batch inference only in that one. A run that a gate stopped
    counts like any other: leaving it out would show an older, better result.
    """
    here, passed = target.environment.environment, environments_up_to(target)
    found: dict[tuple[int, int], GovernedRun] = {}
    listed = Client().list_pipeline_runs(
        linked_to_model_version_id=version.id,
        sort_by="desc:created",
        size=200,
        hydrate=True,
        project=target.project,
    )
    for run in listed.items:
        context = context_of(run)
        purpose = _PURPOSES.get(context.pipeline) if context is not None else None
        if context is None or purpose is None or not run.status.is_finished:
            continue
        if context.model != target.model or context.environment not in passed:
            continue
        if purpose == "batch inference" and context.environment != here:
            continue
        place = (passed.index(context.environment), list(_PURPOSES.values()).index(purpose))
        found.setdefault(place, GovernedRun(run, context, purpose))
    return [found[place] for place in sorted(found)]
