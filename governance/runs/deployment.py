"""A model's governed pipelines as snapshots in ZenML, replaced when the code or the rules have changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zenml.client import Client

from governance.audit.events import PipelineDeployed
from governance.core.stacks import active_stack
from governance.core.target import Target
from governance.registry.versions import STAGES, staged_version
from governance.runs.code_archive import use_code_of
from governance.runs.govern import govern
from governance.runs.pipelines import batch_inference_of, training_of, training_parameters
from governance.runs.session import RunSession
from governance.runs.snapshot_digest import snapshot_digest

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse
    from zenml.pipelines.pipeline_definition import Pipeline


@dataclass(frozen=True)
class Deployed:
    """One pipeline of one model in one environment."""

    snapshot: str
    """The snapshot's name in ZenML: ``<model>-<environment>``; it is unique within its pipeline."""
    pipeline: str
    changed: bool
    """Whether it was deployed now, or was there already, the same."""


def deploy(target: Target, *, dry_run: bool = False) -> list[Deployed]:
    """Compile the pipelines of ``target``'s model for its stack, and keep each as a snapshot.

    Training is deployed always, batch inference once a release is in use. What a gate cannot judge, a stack that is
    missing or a step that does not compile stops here, before anything is run.

    Args:
        target: the model and environment.
        dry_run: compile, and keep nothing.

    Raises:
        UngovernedPipelineError: a pipeline lacks what a gate judges.
        StackMissingError: the target's stack is not registered.
        RefusedError: the environment holds a stage that no promotion set.
    """
    use_code_of()
    session = RunSession(target)
    config = session.config
    training = training_of(config)
    done = [_keep(training, session, None, dry_run, **training_parameters(training, config))]
    if target.environment.environment not in STAGES or staged_version(target) is None:
        return done
    scoring = {**session.scoring_parameters, "data": None}
    return [*done, _keep(batch_inference_of(config), session, session.release.version, dry_run, **scoring)]


def _keep(pipeline: Pipeline, session: RunSession, version: str | None, dry_run: bool, **parameters: Any) -> Deployed:
    target = session.target
    name = f"{target.model}-{target.environment.environment}"
    governed = govern(pipeline, session, version=version)
    with active_stack(target.stack, target.project):
        governed.prepare(**parameters)
        made_from = session.journal.provenance
        source = ", ".join(
            [
                f"commit {made_from.git_commit}{' with local changes' if made_from.git_dirty else ''}",
                f"lock {made_from.lock_digest[:16]}",
                session.policy,
                *([f"version {version}"] if version else []),
            ]
        )
        before = _find(pipeline.name, name)
        # Local changes have no name, so nobody can tell whether they are the same as before.
        changed = (
            before is None
            or before.description != source
            or made_from.git_dirty is not False
            or not _on_record(before, session)
        )
        if changed and not dry_run:
            kept = governed.create_snapshot(name=name, description=source, replace=True)
            record_deployment(kept, pipeline.name, session, version)
    return Deployed(name, pipeline.name, changed)


def record_deployment(
    snapshot: PipelineSnapshotResponse, pipeline: str, session: RunSession, version: str | None
) -> None:
    """Write to the log that ``snapshot`` may run; what it lacks counts for nothing when it is collected.

    Raises:
        NotRecordedError: the log cannot be written.
    """
    kept = Client().get_snapshot(snapshot.id)  # as ZenML gives it back, and will to whoever compares
    session.journal.write(
        session.journal.event(
            PipelineDeployed,
            model_version=version,
            pipeline=pipeline,
            stack=session.target.stack,
            snapshot=str(kept.id),
            snapshot_digest=snapshot_digest(kept),
        )
    )


def _on_record(snapshot: PipelineSnapshotResponse, session: RunSession) -> bool:
    """Return whether the log says that ``snapshot``, as it is, was deployed under the settings at hand."""
    return any(
        isinstance(entry.event, PipelineDeployed)
        and entry.event.snapshot == str(snapshot.id)
        and entry.event.snapshot_digest == snapshot_digest(snapshot)
        and entry.event.settings_digest == session.journal.settings.digest
        for entry in session.journal.log.newest_first()
    )


def _find(pipeline: str, name: str) -> PipelineSnapshotResponse | None:
    client = Client()
    try:
        owner = client.get_pipeline(pipeline)
    except KeyError:  # nothing of it was ever run or deployed
        return None
    found = client.list_snapshots(pipeline=owner.id, name=f"equals:{name}", size=1, hydrate=True)
    return found.items[0] if found.items else None
