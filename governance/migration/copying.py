"""Making in one place what another has, in an order in which everything that is named is already there.

Nothing is remembered between two attempts: each thing has a name that holds in every place, so whatever an attempt
that was killed has made is found by it, and is not made twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union
from uuid import UUID, uuid4

from zenml.enums import ExecutionStatus, MetadataResourceTypes
from zenml.metadata.metadata_types import get_metadata_type
from zenml.models import (
    ArtifactFilter,
    ArtifactRequest,
    ArtifactVersionFilter,
    ArtifactVersionRequest,
    ArtifactVisualizationRequest,
    ComponentFilter,
    LogsRequest,
    ModelRequest,
    ModelVersionArtifactRequest,
    ModelVersionFilter,
    ModelVersionRequest,
    PipelineFilter,
    PipelineRequest,
    PipelineRunFilter,
    PipelineRunRequest,
    PipelineRunUpdate,
    PipelineSnapshotFilter,
    PipelineSnapshotRequest,
    RunMetadataRequest,
    RunMetadataResource,
    StackFilter,
    StepRunFilter,
    StepRunRequest,
)

from governance.core.errors import RefusedError
from governance.migration.contents import FORMER_MODEL, Contents, Watch, artifacts_of, name_of
from governance.migration.places import Place

if TYPE_CHECKING:
    from zenml.config.pipeline_configurations import PipelineConfiguration
    from zenml.config.step_configurations import Step
    from zenml.models import (
        ArtifactVersionResponse,
        ModelVersionResponse,
        PipelineRunResponse,
        PipelineSnapshotResponse,
        StepRunResponse,
    )

_Logged = Union["PipelineRunResponse", "StepRunResponse"]

PLACEHOLDER = "Stands for a version that was deleted where this model came from; it goes when the move is done."
_COPY_OF = "Copied from snapshot"


class MigrationError(RefusedError):
    """Something cannot be made where it is to go; the message names it."""


@dataclass
class Copier:
    """Copies ``contents`` of ``source`` into ``target``, which may hold a part of it already."""

    source: Place
    target: Place
    contents: Contents
    there: Contents
    """What the target holds of the same models."""
    watch: Watch
    ids: dict[str, dict[UUID, UUID]] = field(default_factory=dict)
    """By kind: what each thing of the source is in the target."""
    made: dict[str, int] = field(default_factory=dict)
    """By kind: how many were made now."""
    _stores: dict[UUID, UUID] = field(default_factory=dict)
    _snapshots: dict[tuple[UUID, str | None], UUID] = field(default_factory=dict)
    _read: set[UUID] = field(default_factory=set)

    def copy(self) -> None:
        """Make what is missing.

        Raises:
            MigrationError: the target lacks a stack or a store, or has given a version's number to another.
        """
        self._models()
        self._artifacts()
        self._link_artifacts()
        self._named_snapshots()
        self._runs()
        self._remove_placeholders()

    def _note(self, kind: str, old: UUID, new: UUID, *, made: bool) -> UUID:
        self.ids.setdefault(kind, {})[old] = new
        if made:
            self.made[kind] = self.made.get(kind, 0) + 1
        return new

    # Models and their versions

    def _models(self) -> None:
        present = {model.name: model.id for model in self.there.models}
        versions = {(version.model.name, version.number): version for version in self.there.versions}
        for model in self.contents.models:
            self.watch(f"model {model.name}")
            new = present.get(model.name)
            if new is None:
                request = ModelRequest(
                    project=self.target.project_id,
                    name=model.name,
                    license=model.license,
                    description=model.description,
                    audience=model.audience,
                    use_cases=model.use_cases,
                    limitations=model.limitations,
                    trade_offs=model.trade_offs,
                    ethics=model.ethics,
                    tags=[tag.name for tag in model.tags],
                    save_models_to_registry=model.save_models_to_registry,
                )
                new = self.target.store.create_model(request).id
            self._note("models", model.id, new, made=model.name not in present)
            self._versions(
                model.name, new, {number: found for (name, number), found in versions.items() if name == model.name}
            )

    def _versions(self, model: str, new: UUID, present: Mapping[int, ModelVersionResponse]) -> None:
        following = max(present, default=0) + 1
        for version in self.contents.versions:
            if version.model.name != model:
                continue
            found = present.get(version.number)
            if found is not None and found.description != PLACEHOLDER:
                self._note("model_versions", version.id, found.id, made=False)
            elif version.number < following:
                raise MigrationError(
                    f"Version {version.number} of {model} cannot be made in {self.target.address}: its number was "
                    f"given there already, and ZenML goes on from {following}. Move into a project without the model."
                )
            else:
                while following < version.number:  # numbers are given in order
                    self._make_version(new, name=None, description=PLACEHOLDER)
                    following += 1
                made = self._make_version(
                    new,
                    name=None if version.name == str(version.number) else version.name,
                    description=version.description,
                    stage=version.stage,
                    tags=[tag.name for tag in version.tags],
                )
                following += 1
                self._note("model_versions", version.id, made, made=True)
            self._metadata(MetadataResourceTypes.MODEL_VERSION, self.ids["model_versions"][version.id], version, found)

    def _make_version(self, model: UUID, **fields: Any) -> UUID:
        request = ModelVersionRequest(project=self.target.project_id, model=model, **fields)
        return self.target.store.create_model_version(request).id

    def _remove_placeholders(self) -> None:
        store = self.target.store
        for model in self.ids.get("models", {}).values():
            chosen = ModelVersionFilter(project=self.target.project_id, model=model)
            for version in list(self.target.every(store.list_model_versions, chosen)):
                if version.description == PLACEHOLDER:
                    store.delete_model_version(version.id)

    # Artifacts: their files stay where they are

    def _artifacts(self) -> None:
        store, project = self.target.store, self.target.project_id
        present = {name_of(artifact): artifact for artifact in self.there.artifacts.values()}
        owners = {one.name: one.id for one in self.target.every(store.list_artifacts, ArtifactFilter(project=project))}
        for place, artifact in enumerate(self.contents.artifacts.values(), start=1):
            self.watch(f"artifact {place} of {len(self.contents.artifacts)}")
            name, _ = name_of(artifact)
            if name not in owners:
                # Asked for here: an artifact that is asked itself looks in the store in use, which may be the target.
                custom = self.source.store.get_artifact(artifact.artifact.id).has_custom_name
                request = ArtifactRequest(project=project, name=name, has_custom_name=custom)
                owners[name] = store.create_artifact(request).id
            found = present.get(name_of(artifact)) or self._find_artifact(owners[name], artifact)
            new = found.id if found else self._make_artifact(owners[name], artifact)
            self._note("artifact_versions", artifact.id, new, made=found is None)
            self._metadata(MetadataResourceTypes.ARTIFACT_VERSION, new, artifact, found)

    def _find_artifact(self, owner: UUID, artifact: ArtifactVersionResponse) -> ArtifactVersionResponse | None:
        """Return what an earlier attempt made that nothing refers to yet."""
        chosen = ArtifactVersionFilter(
            project=self.target.project_id, artifact=owner, version=f"equals:{artifact.version}"
        )
        found = next(iter(self.target.every(self.target.store.list_artifact_versions, chosen)), None)
        if found is not None and found.uri != artifact.uri:
            raise MigrationError(
                f"{':'.join(name_of(artifact))} in {self.target.address} is another, of {found.uri} "
                f"and not {artifact.uri}."
            )
        return found

    def _make_artifact(self, owner: UUID, artifact: ArtifactVersionResponse) -> UUID:
        request = ArtifactVersionRequest(
            project=self.target.project_id,
            artifact_id=owner,
            version=artifact.version,
            type=artifact.type,
            artifact_store_id=self._store(artifact.artifact_store_id),
            uri=artifact.uri,
            materializer=artifact.materializer,
            data_type=artifact.data_type,
            content_hash=artifact.content_hash,
            save_type=artifact.save_type,
            item_count=artifact.item_count,
            tags=[tag.name for tag in artifact.tags],
            visualizations=[
                ArtifactVisualizationRequest(type=picture.type, uri=picture.uri)
                for picture in artifact.visualizations or []
            ],
        )
        return self.target.store.create_artifact_version(request).id

    def _link_artifacts(self) -> None:
        for version, artifacts in self.contents.linked.items():
            new = self.ids["model_versions"][version]
            there = set(self.there.linked.get(new, []))
            for artifact in artifacts:
                linked = self.ids["artifact_versions"][artifact]
                if linked not in there:
                    request = ModelVersionArtifactRequest(model_version=new, artifact_version=linked)
                    self.target.store.create_model_version_artifact_link(request)

    # Pipelines and what was frozen of them

    def _named_snapshots(self) -> None:
        for snapshot in self.contents.snapshots.values():
            if snapshot.name:
                self._snapshot(snapshot, snapshot.name, snapshot.description, None, pinned=False)

    def _snapshot(
        self,
        snapshot: PipelineSnapshotResponse,
        name: str | None,
        description: str | None,
        version: str | None,
        *,
        pinned: bool,
    ) -> UUID:
        """Find or make the copy of ``snapshot``; a ``pinned`` one writes its runs to ``version`` and makes none."""
        pipeline = self._pipeline(snapshot)
        key = (pipeline, name or description)
        if key not in self._snapshots:
            self._read_snapshots(pipeline)
        kind = "snapshots" if name else "snapshots_of_runs"
        if (found := self._snapshots.get(key)) is not None:
            return self._note(kind, snapshot.id, found, made=False)
        settings, steps = snapshot.pipeline_configuration, snapshot.step_configurations
        if pinned:
            settings = _with_version(settings, version)
            steps = {step: _step_with_version(one, version) for step, one in steps.items()}
        request = PipelineSnapshotRequest(
            project=self.target.project_id,
            name=name,
            description=description,
            source_code=snapshot.source_code,
            stack=self._stack(snapshot),
            pipeline=pipeline,
            run_name_template=snapshot.run_name_template,
            pipeline_configuration=settings,
            step_configurations=steps,
            client_environment=snapshot.client_environment,
            client_version=snapshot.client_version,
            server_version=snapshot.server_version,
            pipeline_version_hash=snapshot.pipeline_version_hash,
            pipeline_spec=snapshot.pipeline_spec,
            is_dynamic=snapshot.is_dynamic,
            tags=[tag.name for tag in snapshot.tags],
        )
        self._snapshots[key] = self.target.store.create_snapshot(request).id
        return self._note(kind, snapshot.id, self._snapshots[key], made=True)

    def _pipeline(self, snapshot: PipelineSnapshotResponse) -> UUID:
        old = snapshot.pipeline
        known = self.ids.get("pipelines", {}).get(old.id)
        if known is not None:
            return known
        store, project = self.target.store, self.target.project_id
        chosen = PipelineFilter(project=project, name=f"equals:{old.name}")
        found = next(iter(self.target.every(store.list_pipelines, chosen)), None)
        if found is not None:
            return self._note("pipelines", old.id, found.id, made=False)
        request = PipelineRequest(project=project, name=old.name)
        return self._note("pipelines", old.id, store.create_pipeline(request).id, made=True)

    def _read_snapshots(self, pipeline: UUID) -> None:
        """Read what the target holds of ``pipeline``, once."""
        if pipeline in self._read:
            return
        self._read.add(pipeline)
        chosen = PipelineSnapshotFilter(project=self.target.project_id, pipeline=pipeline, named_only=False)
        for snapshot in self.target.every(self.target.store.list_snapshots, chosen):
            if snapshot.name or (snapshot.description or "").startswith(_COPY_OF):
                self._snapshots[pipeline, snapshot.name or snapshot.description] = snapshot.id

    # Runs and their steps

    def _runs(self) -> None:
        present = {run.name: run for run in self.there.runs}
        numbers = {version.id: version for version in self.contents.versions}
        begun = {run.name: run for run in self._begun()}
        for place, run in enumerate(self.contents.runs, start=1):
            self.watch(f"run {place} of {len(self.contents.runs)}")
            old = numbers.get(run.model_version.id) if run.model_version else None
            found = present.get(run.name) or begun.get(run.name)
            if found is not None and self._is_cut_off(run, found, old):
                self.target.store.delete_run(found.id)
                found = None
            new = found.id if found else self._make_run(run, old)
            self._note("runs", run.id, new, made=found is None)
            self._steps(run, new, found)
            if found is None or not found.status.is_finished:
                self._end(run, new)
            self._logs(run, found, pipeline_run_id=new)
            self._metadata(MetadataResourceTypes.PIPELINE_RUN, new, run, found)

    def _begun(self) -> list[PipelineRunResponse]:
        """Return runs of the target that an attempt that was killed has begun to copy."""
        if not self.there.unfinished:
            return []
        wanted = {run.name for run in self.contents.runs}
        chosen = PipelineRunFilter(project=self.target.project_id, in_progress=True)
        return [run for run in self.target.every(self.target.store.list_runs, chosen) if run.name in wanted]

    def _is_cut_off(
        self, run: PipelineRunResponse, found: PipelineRunResponse, version: ModelVersionResponse | None
    ) -> bool:
        """Return whether the copy ``found`` of ``run`` lacks what only making it gives, such as its model version.

        A server writes a run, its tags and its links one after another, and may be killed between them. Only a copy
        that has not ended is looked at: one that has may have been changed since.
        """
        if found.status.is_finished:
            return False
        linked = (found.model_version.name if found.model_version else None, {tag.name for tag in found.tags})
        if linked != (version.name if version else None, {tag.name for tag in run.tags}):
            return True
        wanted = {(step.name, step.version): _links_of(step) for step in self.contents.steps[run.id]}
        return any(wanted.get(name) != _links_of(step) for name, step in self._steps_of(found.id).items())

    def _steps_of(self, run: UUID) -> dict[tuple[str, int], StepRunResponse]:
        chosen = StepRunFilter(project=self.target.project_id, pipeline_run_id=run)
        listed = self.target.every(self.target.store.list_run_steps, chosen)
        return {(step.name, step.version): step for step in listed}

    def _make_run(self, run: PipelineRunResponse, version: ModelVersionResponse | None) -> UUID:
        origin = self.contents.snapshots[run.snapshot.id] if run.snapshot else None
        if origin is None:
            raise MigrationError(f"Run {run.name} has no snapshot any more, so ZenML takes it nowhere: delete the run.")
        number = version.name if version else None
        described = f"{_COPY_OF} {origin.id}" + (f" for version {number}" if number else "")
        request = PipelineRunRequest(
            project=self.target.project_id,
            name=run.name,
            snapshot=self._snapshot(origin, None, described, number, pinned=True),
            orchestrator_run_id=run.orchestrator_run_id,
            start_time=run.start_time,
            end_time=run.end_time,
            status=ExecutionStatus.RUNNING,  # a run that has ended takes no more steps
            orchestrator_environment=run.orchestrator_environment,
            exception_info=run.exception_info,
            tags=[tag.name for tag in run.tags],
        )
        made, _ = self.target.store.get_or_create_run(request)
        return made.id

    def _steps(self, run: PipelineRunResponse, new: UUID, found: PipelineRunResponse | None) -> None:
        present = {} if found is None else self._steps_of(new)
        # The last attempt of a step that failed ends the run, after which it takes no other.
        steps = sorted(self.contents.steps[run.id], key=lambda step: step.status == ExecutionStatus.FAILED)
        for step in steps:
            there = present.get((step.name, step.version))
            made = there.id if there else self._make_step(step, new)
            self._note("steps", step.id, made, made=there is None)
            self._logs(step, there, step_run_id=made)
            self._metadata(MetadataResourceTypes.STEP_RUN, made, step, there)

    def _make_step(self, step: StepRunResponse, run: UUID) -> UUID:
        taken: dict[str, list[UUID]] = {}
        put: dict[str, list[UUID]] = {}
        for place, artifact in artifacts_of(step):
            direction, _, name = place.partition(":")
            (taken if direction == "input" else put).setdefault(name, []).append(
                self.ids["artifact_versions"][artifact.id]
            )
        known = self.ids.get("steps", {})
        request = StepRunRequest(
            project=self.target.project_id,
            name=step.name,
            pipeline_run_id=run,
            start_time=step.start_time or step.created,
            end_time=step.end_time,
            # What was tried again is given as failed; ZenML says of it by itself that it was tried again.
            status=ExecutionStatus.FAILED if step.status == ExecutionStatus.RETRIED else step.status,
            cache_key=step.cache_key,
            code_hash=step.code_hash,
            docstring=step.docstring,
            source_code=step.source_code,
            original_step_run_id=known.get(step.original_step_run_id) if step.original_step_run_id else None,
            parent_step_ids=[known[parent] for parent in step.parent_step_ids if parent in known],
            inputs=taken,
            outputs=put,
            exception_info=step.exception_info,
        )
        return self.target.store.create_run_step(request).id

    def _logs(self, thing: _Logged, there: _Logged | None, **owner: UUID) -> None:
        """Say where the logs of ``thing`` are; they stay there."""
        known = {log.uri for log in (there.log_collection if there else None) or []}
        for log in thing.log_collection or []:
            if log.uri not in known:
                request = LogsRequest(
                    id=uuid4(),
                    project=self.target.project_id,
                    uri=log.uri,
                    source=log.source,
                    artifact_store_id=self._store(log.artifact_store_id),
                    **owner,
                )
                self.target.store.create_logs(request)

    def _end(self, run: PipelineRunResponse, new: UUID) -> None:
        now = self.target.store.get_run(new).status
        wanted = run.status
        if now == wanted:
            return
        if wanted == ExecutionStatus.STOPPED:  # what was stopped is only ever stopping first
            wanted = ExecutionStatus.STOPPING
        self.target.store.update_run(new, PipelineRunUpdate(status=wanted))

    # What several kinds need

    def _metadata(self, kind: MetadataResourceTypes, new: UUID, thing: Any, there: Any | None) -> None:
        """Write what is known of ``thing`` and not yet of its copy."""
        known = there.run_metadata if there is not None else {}
        values = {key: value for key, value in thing.run_metadata.items() if known.get(key) != value}
        if values:
            request = RunMetadataRequest(
                project=self.target.project_id,
                resources=[RunMetadataResource(id=new, type=kind)],
                values=values,
                types={key: get_metadata_type(value) for key, value in values.items()},
            )
            self.target.store.create_run_metadata(request)

    def _store(self, old: UUID | None) -> UUID | None:
        """Return the component of the target that has the same name as ``old`` in the source."""
        if old is None or self.source.store is self.target.store:
            return old
        if old not in self._stores:
            name, kind = (found := self.source.store.get_stack_component(old)).name, found.type
            chosen = ComponentFilter(name=f"equals:{name}", type=kind)
            there = next(iter(self.target.every(self.target.store.list_stack_components, chosen)), None)
            if there is None:
                raise MigrationError(f"{self.target.address} has no {kind} {name!r}: make register there first.")
            self._stores[old] = there.id
        return self._stores[old]

    def _stack(self, snapshot: PipelineSnapshotResponse) -> UUID:
        stack = snapshot.stack
        if stack is None:
            raise MigrationError(f"A run of {snapshot.pipeline.name} names no stack: it was deleted.")
        if self.source.store is self.target.store:
            return stack.id
        chosen = StackFilter(name=f"equals:{stack.name}")
        there = next(iter(self.target.every(self.target.store.list_stacks, chosen)), None)
        if there is None:
            raise MigrationError(f"{self.target.address} has no stack {stack.name!r}: make register there first.")
        return there.id


def _links_of(step: StepRunResponse) -> tuple[list[tuple[str, tuple[str, str]]], int]:
    """Return what ``step`` took in and put out, and after how many others it came."""
    return [(place, name_of(artifact)) for place, artifact in artifacts_of(step)], len(step.parent_step_ids)


def _with_version(settings: PipelineConfiguration, version: str | None) -> PipelineConfiguration:
    """Return ``settings`` that name the version a run wrote to, or none; else ZenML makes one for the run."""
    model = settings.model
    if model is None:
        return settings
    if version:
        return settings.model_copy(update={"model": model.model_copy(update={"version": version})})
    return settings.model_copy(update={"model": None, "extra": {**settings.extra, FORMER_MODEL: model.name}})


def _step_with_version(step: Step, version: str | None) -> Step:
    changed = {}
    for part in ("config", "step_config_overrides"):
        settings = getattr(step, part)
        if settings.model is not None:
            model = settings.model.model_copy(update={"version": version}) if version else None
            changed[part] = settings.model_copy(update={"model": model})
    return step.model_copy(update=changed) if changed else step
