"""What a request is about, looked up in the server's database: whose it is, and what doing it takes."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select
from zenml.zen_stores.schemas import (
    DeploymentSchema,
    HookInvocationSchema,
    LogsSchema,
    ModelSchema,
    ModelVersionArtifactSchema,
    ModelVersionSchema,
    PipelineRunSchema,
    PipelineSnapshotSchema,
    RunTemplateSchema,
    RunWaitConditionSchema,
    ScheduleSchema,
    SecretSchema,
    ServiceConnectorSchema,
    StackComponentSchema,
    StackSchema,
    StepRunSchema,
)

from governance.access.roles import ANYWHERE, UNOWNED, Scope
from governance.access.settings import InUse
from governance.core.errors import RefusedError

PROMOTIONS: Mapping[str, str] = {"staging": "promote to staging", "production": "promote to production"}
"""What it takes to give a version a stage, or to change one that has it. A stage is an environment's name."""

_FREE_STAGES = frozenset({"none", "archived"})


_RUN_OF = (
    (("step_id", "step_run_id"), StepRunSchema, StepRunSchema.pipeline_run_id),
    (("run_wait_condition_id",), RunWaitConditionSchema, RunWaitConditionSchema.run_id),
    (("hook_invocation_id",), HookInvocationSchema, HookInvocationSchema.pipeline_run_id),
)
"""Names of identifiers, what they identify, and where that says which run it is of."""


class NotAllowedError(RefusedError):
    """The server does not do this for anybody, or not for who asks; the message says why."""


@dataclass(frozen=True)
class Asked:
    """A request, as far as it decides."""

    method: str
    path: Mapping[str, str]
    body: Any

    def field(self, name: str) -> Any:
        """Return what the body says of ``name``; None when it says nothing."""
        return self.body.get(name) if isinstance(self.body, dict) else None

    def in_path(self, name: str) -> UUID | None:
        """Return the identifier that the path gives as ``name``; None without one."""
        return _uuid(self.path[name]) if name in self.path else None

    def all(self, *names: str) -> list[UUID | None]:
        """Return every identifier that path and body give under ``names``; None stands for what is no identifier.

        All of them count: which one the server would look at is its own affair.
        """
        given = (where for name in names for where in (self.path.get(name), self.field(name)) if where is not None)
        return [_uuid(value) for value in given]


@dataclass(frozen=True)
class Need:
    """An action that the request takes, and on whose things."""

    action: str
    """One of :data:`ACTIONS`, or what else a route asks for."""
    scope: Scope
    subject: str | None = None
    """Model or stack, for the record."""


class Things:
    """The server's database and the settings, asked what requests are about.

    Args:
        session: of the server's database.
        in_use: the settings that count, which say whose what is.
    """

    def __init__(self, session: Session, in_use: InUse) -> None:
        self._session = session
        self.owner_of, self._owner = in_use.owner_of, in_use.owner_of_model

    def needs(self, action: str, about: str, asked: Asked) -> list[Need]:
        """Return everything that ``asked`` takes, beginning with ``action`` on things of the kind ``about``.

        Raises:
            NotAllowedError: it is something that the server does for nobody.
        """
        return list(getattr(self, f"_of_{about.replace('-', '_')}")(action, asked))

    # Models and their versions

    def _of_model(self, action: str, asked: Asked) -> Iterator[Need]:
        model = asked.in_path("model_id")
        old = self._one(select(ModelSchema.name).where(ModelSchema.id == model)) if model else None
        new = asked.field("name")
        if model:
            yield Need(action, self._owner(old), old)
        stages = self._staged_versions(model) if model else ()
        if action == "delete resources":
            for stage in stages:
                yield Need(action, self._owner(old, stage), old)
        elif new is not None and new != old:
            if stages:
                raise NotAllowedError(f"Model {old} has versions in {', '.join(stages)}: its name stays.")
            yield Need(action, self._owner(new), new)
        elif not model:
            yield Need(action, UNOWNED)

    def _of_version(self, action: str, asked: Asked) -> Iterator[Need]:
        new_stage = asked.field("stage")
        if "model_version_id" in asked.path:
            name, stage = self._version(asked.in_path("model_version_id"))
        else:
            model = _uuid(asked.field("model"))
            name, stage = self._one(select(ModelSchema.name).where(ModelSchema.id == model)), None
        staged = stage in PROMOTIONS
        yield Need(action, self._owner(name, stage if staged and action == "delete resources" else None), name)
        if action == "delete resources":
            return
        if staged and any(asked.field(given) for given in ("name", "add_tags", "remove_tags", "tags")):
            raise NotAllowedError(f"A version of {name} in {stage} keeps its name and its tags.")
        if new_stage is not None and (
            not isinstance(new_stage, str) or new_stage not in _FREE_STAGES | PROMOTIONS.keys()
        ):
            raise NotAllowedError(f"There is no stage {str(new_stage)[:40]!r} to give.")
        for concerned in dict.fromkeys((stage, new_stage)):
            if concerned is not None and concerned in PROMOTIONS:
                yield Need(PROMOTIONS[concerned], self._owner(name, concerned), name)

    def _of_linked_version(self, action: str, asked: Asked) -> Iterator[Need]:
        for version in asked.all("model_version", "model_version_id") or [None]:
            name, _ = self._version(version)
            yield Need(action, self._owner(name), name)

    def _of_extended_version(self, action: str, asked: Asked) -> Iterator[Need]:
        for version in asked.all("model_version", "model_version_id") or [None]:
            yield from self._changed_version(action, version)

    def _changed_version(self, action: str, version: UUID | None) -> Iterator[Need]:
        name, stage = self._version(version)
        yield Need(action, self._owner(name), name)
        if stage is not None and stage in PROMOTIONS:
            yield Need(PROMOTIONS[stage], self._owner(name, stage), name)

    def _of_artifact(self, action: str, asked: Asked) -> Iterator[Need]:
        yield from self._artifact(action, asked.in_path("artifact_version_id"))

    def _artifact(self, action: str, artifact: UUID | None) -> Iterator[Need]:
        linked = self._session.exec(
            select(ModelSchema.name, ModelVersionSchema.stage)
            .join(ModelVersionSchema, col(ModelVersionSchema.model_id) == ModelSchema.id)
            .join(ModelVersionArtifactSchema, col(ModelVersionArtifactSchema.model_version_id) == ModelVersionSchema.id)
            .where(ModelVersionArtifactSchema.artifact_version_id == artifact)
        ).all()
        if not linked:
            yield Need(action, UNOWNED if action == "delete resources" else ANYWHERE)
        for name, stage in set(linked):
            yield Need(action, self._owner(name), name)
            if stage is not None and stage in PROMOTIONS:
                needed = action if action == "delete resources" else PROMOTIONS[stage]
                yield Need(needed, self._owner(name, stage), name)

    # Stacks and what they are made of

    def _of_stack(self, action: str, asked: Asked) -> Iterator[Need]:
        scope = yield from self._named(action, StackSchema, asked, "stack_id")
        for kind in _values(asked.field("components")):
            for component in kind if isinstance(kind, list) else ():
                yield from self._part(action, scope, StackComponentSchema, component)
        for connector in asked.field("service_connectors") or ():
            yield from self._part(action, scope, ServiceConnectorSchema, connector)
        yield from self._secrets(action, asked)

    def _of_used_stack(self, action: str, asked: Asked) -> Iterator[Need]:
        for stack in asked.all("stack") or [None]:
            yield from self._object(action, StackSchema, stack)

    def _of_schedule(self, action: str, asked: Asked) -> Iterator[Need]:
        orchestrators = asked.all("orchestrator_id")
        if "schedule_id" in asked.path:
            query = select(ScheduleSchema.orchestrator_id).where(ScheduleSchema.id == asked.in_path("schedule_id"))
            orchestrators.append(self._one(query))
        for orchestrator in orchestrators or [None]:
            yield from self._object(action, StackComponentSchema, orchestrator)

    def _of_component(self, action: str, asked: Asked) -> Iterator[Need]:
        yield from self._named(action, StackComponentSchema, asked, "component_id")
        if connector := asked.field("connector"):
            yield from self._object(action, ServiceConnectorSchema, _uuid(connector))
        yield from self._secrets(action, asked)

    def _of_connector(self, action: str, asked: Asked) -> Iterator[Need]:
        yield from self._named(action, ServiceConnectorSchema, asked, "connector_id")

    def _of_secret(self, action: str, asked: Asked) -> Iterator[Need]:
        yield from self._named(action, SecretSchema, asked, "secret_id")

    def _secrets(self, action: str, asked: Asked) -> Iterator[Need]:
        for field in ("secrets", "add_secrets", "remove_secrets"):
            for secret in asked.field(field) or ():
                known = _uuid(secret)
                name = self._one(select(SecretSchema.name).where(SecretSchema.id == known)) if known else str(secret)
                yield Need(action, self.owner_of(name), name)

    def _part(self, action: str, scope: Scope, schema: Any, part: Any) -> Iterator[Need]:
        """Yield what it takes to use ``part``, or to make it where the request describes it."""
        if isinstance(part, dict):
            if part.get("name"):
                yield Need(action, self.owner_of(part["name"]), part["name"])
            elif not scope.known:
                yield Need(action, UNOWNED)
            return
        yield from self._object(action, schema, _uuid(part))

    def _named(self, action: str, schema: Any, asked: Asked, key: str) -> Generator[Need, None, Scope]:
        """Yield what it takes to change what the path's ``key`` names, to give it the body's name, or both."""
        name, scope = asked.field("name"), UNOWNED
        if key in asked.path:
            scope = yield from self._object(action, schema, asked.in_path(key))
        if isinstance(name, str):
            scope = self.owner_of(name)
            yield Need(action, scope, name)
        elif key not in asked.path:
            yield Need(action, UNOWNED)
        return scope

    def _object(self, action: str, schema: Any, known: UUID | None) -> Generator[Need, None, Scope]:
        name = self._one(select(schema.name).where(schema.id == known)) if known else None
        scope = self.owner_of(name)
        yield Need(action, scope, name)
        return scope

    # Runs and what they are started from

    def _of_snapshot(self, action: str, asked: Asked) -> Iterator[Need]:
        given = asked.all("snapshot_id", "snapshot", "source_snapshot_id", "deployment")
        if "template_id" in asked.path:
            query = select(RunTemplateSchema.source_snapshot_id).where(
                RunTemplateSchema.id == asked.in_path("template_id")
            )
            given.append(self._one(query))
        for snapshot in given or [None]:
            yield from self._snapshot(action, snapshot)

    def _of_deployment(self, action: str, asked: Asked) -> Iterator[Need]:
        snapshots = asked.all("snapshot_id")
        if "deployment_id" in asked.path:
            query = select(DeploymentSchema.snapshot_id).where(DeploymentSchema.id == asked.in_path("deployment_id"))
            snapshots.append(self._one(query))
        for snapshot in snapshots or [None]:
            yield from self._snapshot(action, snapshot)
        for deployer in asked.all("deployer_id"):
            yield from self._object(action, StackComponentSchema, deployer)

    def _of_run(self, action: str, asked: Asked) -> Iterator[Need]:
        found = asked.all("run_id", "pipeline_run_id", "run")
        for names, schema, key in _RUN_OF:
            found += [self._one(select(key).where(schema.id == known)) for known in asked.all(*names)]
        if "logs_id" in asked.path:
            found += self._runs_of_logs(asked.in_path("logs_id"))
        if not found:  # logs may be made before the run that they are of
            logs = "logs_id" in asked.path or (not asked.path and asked.field("source") is not None)
            yield Need(action, ANYWHERE if logs else UNOWNED)
        for run in dict.fromkeys(found):
            yield from self._run(action, run)

    def _of_described(self, action: str, asked: Asked) -> Iterator[Need]:
        described = asked.field("resources")
        yield from self._each(action, described, "type", "id")

    def _of_tagged(self, action: str, asked: Asked) -> Iterator[Need]:
        links = asked.body if isinstance(asked.body, list) else [asked.body]
        for link in links:
            if isinstance(link, dict) and link.get("resource_type") == "model_version":
                name, stage = self._version(_uuid(link.get("resource_id")))
                if stage in PROMOTIONS:
                    raise NotAllowedError(f"A version of {name} in {stage} keeps its name and its tags.")
        yield from self._each(action, links, "resource_type", "resource_id")

    def _each(self, action: str, found: Any, kind: str, key: str) -> Iterator[Need]:
        if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
            yield Need(action, UNOWNED)
            return
        for one in found:
            known = _uuid(one.get(key))
            match str(one.get(kind)):
                case "model_version":
                    yield from self._changed_version("create models", known)
                case "model":
                    name = self._one(select(ModelSchema.name).where(ModelSchema.id == known))
                    yield Need("create models", self._owner(name), name)
                case "artifact_version":
                    yield from self._artifact(action, known)
                case "pipeline_run":
                    yield from self._run(action, known)
                case "step_run":
                    held = self._one(select(StepRunSchema.pipeline_run_id).where(StepRunSchema.id == known))
                    yield from self._run(action, held)
                case "pipeline_snapshot" | "deployment":
                    yield from self._snapshot(action, known)
                case "artifact" | "pipeline":
                    yield Need(action, ANYWHERE)
                case _:
                    yield Need(action, UNOWNED)

    def _run(self, action: str, run: UUID | None) -> Iterator[Need]:
        held = self._one(select(PipelineRunSchema.snapshot_id).where(PipelineRunSchema.id == run)) if run else None
        yield from self._snapshot(action, held)

    def _snapshot(self, action: str, snapshot: UUID | None) -> Iterator[Need]:
        query = select(PipelineSnapshotSchema.stack_id).where(PipelineSnapshotSchema.id == snapshot)
        yield from self._object(action, StackSchema, self._one(query) if snapshot else None)

    def _runs_of_logs(self, logs: UUID | None) -> list[UUID | None]:
        held = self._session.exec(
            select(LogsSchema.pipeline_run_id, LogsSchema.step_run_id).where(LogsSchema.id == logs)
        ).first()
        run, step = held or (None, None)
        if step is not None:
            run = self._one(select(StepRunSchema.pipeline_run_id).where(StepRunSchema.id == step))
        return [run] if run is not None else []

    # Looked up

    def _version(self, version: UUID | None) -> tuple[str | None, str | None]:
        found = self._session.exec(
            select(ModelSchema.name, ModelVersionSchema.stage)
            .join(ModelVersionSchema, col(ModelVersionSchema.model_id) == ModelSchema.id)
            .where(ModelVersionSchema.id == version)
        ).first()
        return (found[0], found[1]) if found else (None, None)

    def _staged_versions(self, model: UUID) -> tuple[str, ...]:
        stages = self._session.exec(
            select(ModelVersionSchema.stage).where(
                ModelVersionSchema.model_id == model, col(ModelVersionSchema.stage).in_(PROMOTIONS)
            )
        ).all()
        return tuple(sorted(str(stage) for stage in stages))

    def _one(self, query: Any) -> Any:
        return self._session.exec(query).first()


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


def _values(found: Any) -> Iterable[Any]:
    return found.values() if isinstance(found, dict) else ()
