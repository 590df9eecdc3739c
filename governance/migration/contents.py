"""What a team has in a place, and the same said in names that hold in every place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from zenml.models import (
    ArtifactVersionFilter,
    ModelFilter,
    ModelVersionArtifactFilter,
    ModelVersionFilter,
    PipelineRunFilter,
    PipelineSnapshotFilter,
    StepRunFilter,
)

from governance.migration.places import Place

if TYPE_CHECKING:
    from zenml.models import (
        ArtifactVersionResponse,
        ModelResponse,
        ModelVersionResponse,
        PipelineRunResponse,
        PipelineSnapshotResponse,
        StepRunResponse,
    )

FORMER_MODEL = "former_model"
"""In the extra configuration of a copied run: the model whose version it wrote to, which was deleted since."""

Watch = Callable[[str], None]
"""Is told what is being read or written."""


@dataclass
class Contents:
    """Everything of some models in one place, as ZenML tells it."""

    models: list[ModelResponse] = field(default_factory=list)
    versions: list[ModelVersionResponse] = field(default_factory=list)
    """By model, and by number in each."""
    linked: dict[UUID, list[UUID]] = field(default_factory=dict)
    """Artifact versions of each model version."""
    artifacts: dict[UUID, ArtifactVersionResponse] = field(default_factory=dict)
    snapshots: dict[UUID, PipelineSnapshotResponse] = field(default_factory=dict)
    """Those that runs were made from, and those that have a name."""
    runs: list[PipelineRunResponse] = field(default_factory=list)
    """In the order they began."""
    steps: dict[UUID, list[StepRunResponse]] = field(default_factory=dict)
    """Of each run, every attempt, in the order they began."""
    unfinished: list[str] = field(default_factory=list)
    """Runs that have not ended; they are left where they are."""

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        return {
            "models": len(self.models),
            "model_versions": len(self.versions),
            "artifact_versions": len(self.artifacts),
            "snapshots": len(self.snapshots),
            "runs": len(self.runs),
            "steps": sum(map(len, self.steps.values())),
        }


def read_contents(place: Place, models: Collection[str], watch: Watch = lambda _: None) -> Contents:
    """Read everything of ``models`` in ``place``: versions, artifacts, snapshots, runs and steps."""
    store, project, found = place.store, place.project_id, Contents()
    watch(f"reading {place.address}")
    for model in place.every(store.list_models, ModelFilter(project=project)):
        if model.name not in models:
            continue
        found.models.append(model)
        versions = place.every(store.list_model_versions, ModelVersionFilter(project=project, model=model.id))
        found.versions += sorted(versions, key=lambda version: version.number)
    for version in found.versions:
        links = ModelVersionArtifactFilter(model_version_id=version.id)
        linked = place.every(store.list_model_version_artifact_links, links)
        found.linked[version.id] = [link.artifact_version.id for link in linked if link.artifact_version]
    _read_runs(place, models, found, watch)
    used = {identifier for linked in found.linked.values() for identifier in linked}
    used |= {artifact.id for steps in found.steps.values() for step in steps for _, artifact in artifacts_of(step)}
    if used:
        watch(f"reading {place.address}: artifacts")
        every = place.every(store.list_artifact_versions, ArtifactVersionFilter(project=project))
        found.artifacts = {artifact.id: artifact for artifact in every if artifact.id in used}
    return found


def _read_runs(place: Place, models: Collection[str], found: Contents, watch: Watch) -> None:
    store, project = place.store, place.project_id
    every = place.every(store.list_runs, PipelineRunFilter(project=project, sort_by="asc:created"))
    chosen = [run for run in every if _model_of(run) in models]
    found.unfinished = [run.name for run in chosen if not run.status.is_finished]
    found.runs = [run for run in chosen if run.status.is_finished]
    for number, run in enumerate(found.runs, start=1):
        watch(f"reading {place.address}: run {number} of {len(found.runs)}")
        steps = StepRunFilter(project=project, pipeline_run_id=run.id, sort_by="asc:created")
        found.steps[run.id] = list(place.every(store.list_run_steps, steps))
        origin = run.snapshot
        if origin is not None and origin.id not in found.snapshots:
            found.snapshots[origin.id] = store.get_snapshot(origin.id)
    named = PipelineSnapshotFilter(project=project, named_only=True)
    for snapshot in place.every(store.list_snapshots, named):
        model = snapshot.pipeline_configuration.model
        if model is not None and model.name in models:
            found.snapshots[snapshot.id] = snapshot


def _model_of(run: PipelineRunResponse) -> str | None:
    return run.config.model.name if run.config.model else run.config.extra.get(FORMER_MODEL)


def _configuration_of(run: PipelineRunResponse) -> Facts:
    settings = run.config.model_dump(mode="json", exclude={"model"})
    settings["extra"] = {key: value for key, value in settings["extra"].items() if key != FORMER_MODEL}
    return {"model": _model_of(run), **settings}


def artifacts_of(step: StepRunResponse) -> Iterator[tuple[str, ArtifactVersionResponse]]:
    """Yield what ``step`` took in and put out, as ``input:name`` and ``output:name``."""
    for name, taken in sorted(step.inputs.items()):
        for version in taken:
            yield f"input:{name}", version
    for name, put in sorted(step.outputs.items()):
        for made in put:
            yield f"output:{name}", made


Key = tuple[str, ...]
"""What kind of thing, and its name in every place: a run by its name, a step by its run's and its own."""
Facts = dict[str, Any]


def facts_of(contents: Contents) -> dict[Key, Facts]:
    """Say what ``contents`` hold without the identifiers, owners and dates of one place.

    Two places hold the same exactly where this is equal.
    """
    numbers = {version.id: version.number for version in contents.versions}
    facts: dict[Key, Facts] = {}
    for model in contents.models:
        facts["model", model.name] = {"description": model.description, "license": model.license}
    for version in contents.versions:
        linked = [contents.artifacts[one] for one in contents.linked[version.id] if one in contents.artifacts]
        facts["model version", version.model.name, str(version.number)] = {
            "name": version.name,
            "stage": version.stage,
            "description": version.description,
            "tags": sorted(tag.name for tag in version.tags),
            "metadata": version.run_metadata,
            "artifacts": sorted(":".join(name_of(artifact)) for artifact in linked),
        }
    for artifact in contents.artifacts.values():
        facts["artifact version", *name_of(artifact)] = {
            "place": artifact.uri,
            "type": str(artifact.type),
            "data type": str(artifact.data_type.import_path),
            "materializer": str(artifact.materializer.import_path),
            "content hash": artifact.content_hash,
            "tags": sorted(tag.name for tag in artifact.tags),
            "metadata": artifact.run_metadata,
            "pictures": sorted(picture.uri for picture in artifact.visualizations or []),
        }
    for snapshot in contents.snapshots.values():
        if snapshot.name:
            facts["snapshot", snapshot.pipeline.name, snapshot.name] = {
                "description": snapshot.description,
                "steps": sorted(snapshot.step_configurations),
            }
    for run in contents.runs:
        facts["run", run.name] = {
            "pipeline": run.pipeline.name if run.pipeline else None,
            "stack": run.stack.name if run.stack else None,
            "status": str(run.status),
            "began": run.start_time,
            "ended": run.end_time,
            "model version": numbers.get(run.model_version.id) if run.model_version else None,
            "tags": sorted(tag.name for tag in run.tags),
            "metadata": run.run_metadata,
            "logs": _places_of_logs(run),
            "configuration": _configuration_of(run),
        }
        names = {step.id: step.name for step in contents.steps[run.id]}
        for step in contents.steps[run.id]:
            facts["step", run.name, step.name, str(step.version)] = {
                "status": str(step.status),
                "began": step.start_time,
                "ended": step.end_time,
                "after": sorted({names[parent] for parent in step.parent_step_ids if parent in names}),
                "artifacts": [f"{name}={':'.join(name_of(artifact))}" for name, artifact in artifacts_of(step)],
                "code": step.code_hash,
                "metadata": step.run_metadata,
                "logs": _places_of_logs(step),
            }
    return facts


def name_of(artifact: ArtifactVersionResponse) -> tuple[str, str]:
    """Return what an artifact version is called in every place: its artifact's name, and its version."""
    return artifact.artifact.name, artifact.version


def _places_of_logs(thing: PipelineRunResponse | StepRunResponse) -> list[str]:
    return sorted(log.uri for log in thing.log_collection or [] if log.uri)
