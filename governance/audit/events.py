"""What the log records: one frozen model per kind of event, told apart by ``kind``.

A new kind is a new subclass of :class:`Event` named in :data:`AnyEvent`. Fields are never renamed or given another
meaning; a change that older readers cannot follow raises :data:`SCHEMA_VERSION`.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    PlainSerializer,
    TypeAdapter,
    model_validator,
)

from environments.model import Cloud, EnvironmentName, ModelName, TeamName
from environments.strict import StrictModel
from governance.audit.personal import find_forbidden
from governance.core import clock

SCHEMA_VERSION = 1

RecordClass = Literal["logs", "documentation"]
"""How long a record is kept: ``retention.logs_days`` or ``retention.documentation_days`` of the environment."""


def rfc3339(moment: datetime) -> str:
    """Return ``moment`` in UTC with microseconds, the one spelling that the log uses."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


UtcTime = Annotated[
    AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC)), PlainSerializer(rfc3339, return_type=str)
]
Identifier = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Reference = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:/@+-]{0,199}$")]
"""A name or identifier that some other system gave: a run, a stack, a version, a policy."""
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
Amount = Annotated[str, Field(pattern=r"^-?[0-9]{1,15}(?:\.[0-9]{1,18})?$")]
"""An amount of money as a decimal number in text: binary numbers would not add up to the cent."""
Text = Annotated[str, Field(min_length=1, max_length=500)]
Source = Literal["oidc", "ssh-key", "ci-environment", "zenml", "operating-system", "declared"]
"""How an identity was established, strongest first. ``ssh-key``: by a signature that an allowed signer's key made."""
Stage = Literal["none", "dev", "staging", "production", "archived"]


class Actor(StrictModel):
    """Who did it, under a pseudonym; the person behind it is sealed outside the log (see ``subjects.py``)."""

    id: Annotated[str, Field(pattern=r"^subject-[0-9a-f]{32}$")]
    source: Source
    detail: Identifier | None = Field(default=None, description="Which sealed record describes the actor.")


class Event(StrictModel):
    """What every event says. Unknown parts are left out, not guessed."""

    record_class: ClassVar[RecordClass] = "logs"

    kind: str
    id: Identifier = Field(default_factory=lambda: uuid.uuid4().hex)
    time: UtcTime = Field(
        default_factory=lambda: clock.now(), description="When it happened; the entry says when it was recorded."
    )
    actor: Actor
    environment: EnvironmentName
    cloud: Cloud | None = None
    team: TeamName | None = None
    model: ModelName | None = None
    model_version: Reference | None = None
    pipeline: Reference | None = None
    run: Reference | None = Field(default=None, description="Identifier of the pipeline run.")
    git_commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")] | None = None
    git_dirty: bool | None = None
    lock_digest: Digest | None = Field(default=None, description="Of the lock file of the Python packages.")
    image_digest: Digest | None = Field(default=None, description="Of the container image.")
    model_digest: Digest | None = None
    data_digests: dict[Reference, Digest] = Field(default={})
    policy_version: Reference | None = None
    settings_digest: Digest | None = Field(
        default=None,
        description="Of the environment's settings that this was decided under; of an apply, of those that count now.",
    )

    @model_validator(mode="after")
    def _nothing_personal_or_secret(self) -> Event:
        found = find_forbidden(self.model_dump_json())
        if found:
            raise ValueError(f"the event seems to hold {found}, which cannot be erased from the log; leave it out")
        return self

    @property
    def label(self) -> str:
        """What tells this event from others of the same run; ``RunStarted.expects`` names labels."""
        return self.kind

    def content(self) -> dict[str, Any]:
        """Return what is written: JSON values, without what is unknown."""
        return self.model_dump(mode="json", exclude_none=True)


class _Documentation(Event):
    record_class: ClassVar[RecordClass] = "documentation"


class InfrastructureChange(_Documentation):
    """Terraform applied or destroyed."""

    kind: Literal["infrastructure_change"] = "infrastructure_change"
    action: Literal["apply", "destroy"]
    outcome: Literal["succeeded", "failed"]
    added: Count = 0
    changed: Count = 0
    destroyed: Count = 0
    plan_digest: Digest | None = None
    settings: dict[Reference, Digest] = Field(
        default={}, description="Digest of each file that settings_digest covers, of what in it counts here."
    )
    protected: bool | None = Field(default=None, description="Whether these settings protect the environment.")


class ServerChange(_Documentation):
    """Terraform applied or destroyed the shared server. ``settings_digest`` is of what its settings say."""

    kind: Literal["server_change"] = "server_change"
    action: Literal["apply", "destroy"]
    outcome: Literal["succeeded", "failed"]
    added: Count = 0
    changed: Count = 0
    destroyed: Count = 0
    plan_digest: Digest | None = None


class Registration(_Documentation):
    """Stacks, components, connectors or secrets were registered with ZenML, or removed."""

    kind: Literal["registration"] = "registration"
    action: Literal["register", "unregister"]
    outcome: Literal["succeeded", "failed"]
    stack: Reference
    created: tuple[Reference, ...] = ()
    updated: tuple[Reference, ...] = ()
    deleted: tuple[Reference, ...] = ()


class RunStarted(Event):
    """A governed run began. ``expects`` declares what must follow, so that a lost event is noticed."""

    kind: Literal["run_started"] = "run_started"
    run: Reference
    pipeline: Reference
    stack: Reference | None = None
    snapshot: Digest | None = Field(default=None, description="Of the frozen snapshot that it was started from.")
    expects: tuple[Reference, ...] = Field(
        default=("run_finished",),
        description="Labels of the events that a run which succeeds leaves; a gate stands for all its subjects.",
    )
    started_by: Literal["person", "service", "schedule"] | None = Field(
        default=None, description="What began it, of a run that nobody waited for and that was recorded afterwards."
    )
    schedule: Reference | None = Field(default=None, description="The schedule that began it.")


class RunFinished(Event):
    """A governed run ended well."""

    kind: Literal["run_finished"] = "run_finished"
    run: Reference
    duration_seconds: Annotated[Number, Field(ge=0)] | None = None


class RunFailed(Event):
    """A governed run failed. The error's message is left out: it may quote data."""

    kind: Literal["run_failed"] = "run_failed"
    run: Reference
    step: Reference | None = None
    error_type: Reference | None = None
    reason: Text | None = Field(default=None, description="Of a run whose steps could not say it themselves.")
    duration_seconds: Annotated[Number, Field(ge=0)] | None = None


class StepUsage(StrictModel):
    """What one step of a run used, and its cost by the price book."""

    step: Reference
    wall_seconds: Annotated[Number, Field(ge=0)]
    cpu_seconds: Annotated[Number, Field(ge=0)] = Field(description="Of the step's process and its children.")
    peak_memory_bytes: Count = Field(description="Of the step's process; of a shared one, the most while it ran.")
    executor: Reference = Field(description="Flavour of the step operator or orchestrator that ran it.")
    step_operator: Reference | None = None
    machine_type: Reference | None = None
    resources: dict[Reference, Number | Reference] = Field(default={}, description="What its settings asked for.")
    pod_seconds: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="For which it held its resources in a cluster; None where it was no pod."
    )
    cost: Amount | None = Field(default=None, description="None: no price is known.")
    unpriced: Reference | None = Field(default=None, description="What has no price in the price book.")


class RunUsage(Event):
    """What a run used. A step that left no measurement is named as missing; it did not cost nothing."""

    kind: Literal["run_cost"] = "run_cost"
    run: Reference
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    cost: Amount | None = Field(default=None, description="Sum of the steps whose cost is known; None when none is.")
    steps: tuple[StepUsage, ...] = ()
    missing: tuple[Reference, ...] = Field(default=(), description="Steps that ran and left no measurement.")
    price_book: Digest | None = Field(default=None, description="Of the prices that were used.")

    @property
    def complete(self) -> bool:
        """Whether the cost of every step is known."""
        return not self.missing and all(step.cost is not None for step in self.steps)


class RunMetrics(Event):
    """What a run measured of its model."""

    kind: Literal["run_metrics"] = "run_metrics"
    run: Reference
    metrics: dict[Reference, Number]


class ModelSigned(_Documentation):
    """The platform signed a model that a governed run trained."""

    kind: Literal["model_signed"] = "model_signed"
    run: Reference
    model: ModelName
    model_version: Reference
    model_digest: Digest
    signature_digest: Digest
    key: Digest = Field(description="SHA-256 of the public key in PEM form, as the signature names it.")


class GateVerdict(_Documentation):
    """What one gate decided, and on what evidence."""

    kind: Literal["gate_verdict"] = "gate_verdict"
    gate: Reference
    verdict: Literal["passed", "failed", "cannot_conclude"]
    subject: Reference | None = Field(default=None, description="Metric, column or group that was judged.")
    value: Number | None = None
    lower: Number | None = None
    upper: Number | None = None
    threshold: Number | None = None
    evidence: dict[Reference, Digest] = Field(default={})

    @property
    def label(self) -> str:
        """``gate_verdict/<gate>``, with ``/<subject>`` if there is one."""
        return "/".join(part for part in (self.kind, self.gate, self.subject) if part)


class Promotion(_Documentation):
    """One step of a promotion; ``promotion`` ties the steps together."""

    kind: Literal["promotion"] = "promotion"
    promotion: Reference
    step: Literal["requested", "gates", "approved", "stage_set", "completed", "refused", "undone"]
    model: ModelName
    model_version: Reference
    from_stage: Stage
    to_stage: Stage
    replaces: Reference | None = Field(default=None, description="Version that held the stage before.")
    evidence: dict[Reference, Digest] = Field(default={})
    approvals: tuple[Digest, ...] = Field(
        default=(), description="Signed statements that this promotion acts on; each serves for one promotion."
    )
    reason: Text | None = None


class Approval(_Documentation):
    """Someone with the role agreed to a promotion, or declined."""

    kind: Literal["approval"] = "approval"
    promotion: Reference | None = Field(
        default=None, description="Left out: an approval comes first, and the promotion names its statement."
    )
    model: ModelName
    model_version: Reference
    decision: Literal["approved", "declined"]
    role: Reference
    statement_digest: Digest = Field(description="Of the signed statement that is kept beside the log.")
    evidence_digest: Digest | None = Field(default=None, description="Of the evidence that the approver was shown.")
    expires: UtcTime
    reason: Text | None = None
    break_glass: bool = Field(default=False, description="Given for an emergency: two of them stand in for a gate.")


class Override(_Documentation):
    """A gate was overruled by signatures, for a reason and a time."""

    kind: Literal["override"] = "override"
    gate: Reference
    subject: Reference | None = Field(default=None, description="The one metric, column or group; else all of them.")
    reason: Text
    expires: UtcTime
    statement_digest: Digest
    signers: Annotated[tuple[Actor, ...], Field(min_length=1)]
    break_glass: bool = False


class Rollback(_Documentation):
    """One step of a return to the version that was in production before."""

    kind: Literal["rollback"] = "rollback"
    rollback: Reference
    step: Literal["requested", "stage_set", "completed", "refused", "undone"]
    model: ModelName
    from_version: Reference
    to_version: Reference
    drill: Literal["back", "return"] | None = Field(
        default=None, description="Part of a drill: on the way back, or returning to the version that was left."
    )
    role: Reference | None = Field(
        default=None, description="Of whoever asked for it; none where the glass was broken."
    )
    reason: Text | None = None


class PipelineDeployed(_Documentation):
    """A governed pipeline was kept in ZenML, to be run by whoever may: only what is on record so can pass."""

    kind: Literal["pipeline_deployed"] = "pipeline_deployed"
    model: ModelName
    pipeline: Reference
    stack: Reference
    snapshot: Reference = Field(description="Id in ZenML.")
    snapshot_digest: Digest = Field(description="Of its configuration and its steps'.")


class ScheduleChanged(_Documentation):
    """A schedule was made, changed or removed; it runs one deployed pipeline, with one version of the model."""

    kind: Literal["schedule_changed"] = "schedule_changed"
    action: Literal["created", "changed", "repointed", "paused", "resumed", "deleted"]
    schedule: Reference
    zenml_schedule: Reference = Field(description="Its id in ZenML, which a change of what it runs replaces.")
    model: ModelName
    model_version: Reference
    pipeline: Reference
    stack: Reference
    cron: Annotated[str, Field(pattern=r"^[0-9A-Za-z*/,\- ]{9,100}$")]
    time_zone: Reference

    @property
    def runs(self) -> bool:
        """Whether it begins runs from then on."""
        return self.action not in ("paused", "deleted")


class BatchPublication(_Documentation):
    """The predictions of a run were published, or were not."""

    kind: Literal["batch_publication"] = "batch_publication"
    model: ModelName
    run: Reference | None = None
    outcome: Literal["published", "withheld", "missed"]
    schedule: Reference | None = None
    batch: Reference | None = Field(default=None, description="When the schedule was due: there is one batch for each.")
    reason: Text | None = None


class PredictionAccess(Event):
    """Predictions were made or read; recorded for a sample of accesses."""

    kind: Literal["prediction_access"] = "prediction_access"
    model: ModelName
    model_version: Reference
    action: Literal["predict", "read"]
    rows: Count
    sample_rate: Annotated[Number, Field(gt=0, le=1)] = Field(description="Share of accesses that is recorded.")
    output_digest: Digest | None = None


class SecretRotation(_Documentation):
    """A secret or a key got a new value. Only its reference is named."""

    kind: Literal["secret_rotation"] = "secret_rotation"
    manager: Reference
    reference: Reference


class LogReview(_Documentation):
    """Somebody verified and read the log."""

    kind: Literal["log_review"] = "log_review"
    first: Count
    last: Count
    root: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(description="Root of the tree up to ``last``.")
    outcome: Literal["intact", "damaged"]
    findings: Text | None = None


class LogExport(_Documentation):
    """Entries of the log were handed out."""

    kind: Literal["log_export"] = "log_export"
    entries: Count
    export_digest: Digest
    revealed: Count = Field(default=0, description="People who were named with them.")


class LegalHold(_Documentation):
    """Records were put on hold, or released."""

    kind: Literal["legal_hold"] = "legal_hold"
    action: Literal["placed", "released"]
    first: Count
    last: Count
    reason: Text


class SubjectErased(_Documentation):
    """The key to a person's sealed detail was destroyed."""

    kind: Literal["subject_erased"] = "subject_erased"
    subject: Annotated[str, Field(pattern=r"^subject-[0-9a-f]{32}$")]


class Reconciliation(_Documentation):
    """Stages and versions in ZenML were compared with what the log says."""

    kind: Literal["reconciliation"] = "reconciliation"
    outcome: Literal["agrees", "differs"]
    findings: tuple[Text, ...] = ()


class AccessDecision(_Documentation):
    """The server refused somebody, or let them do something of consequence."""

    kind: Literal["access_decision"] = "access_decision"
    decision: Literal["granted", "denied"]
    action: Reference = Field(description="As the table of roles names it, with underscores.")
    route: Reference = Field(description="Method and path of the server's interface, without what was asked about.")
    roles: tuple[Reference, ...] = Field(default=(), description="Of the account, as team/environment/role.")
    subject: Reference | None = Field(default=None, description="Model, stack or other thing that it was about.")
    times: Count = Field(default=1, description="How often within the seconds that are recorded together.")


class BackupMade(_Documentation):
    """The server's database, tracking stores, stages and the log's checkpoint were backed up."""

    kind: Literal["backup_made"] = "backup_made"
    backup: Reference
    manifest_digest: Digest
    size: Count = Field(description="Bytes of all parts.")
    parts: dict[Reference, Digest]
    zenml: Reference = Field(description="Version of ZenML that the database is of.")
    seconds: Annotated[Number, Field(ge=0)]


class BackupDeleted(_Documentation):
    """A backup whose time was up is deleted; recorded beforehand, so that none goes missing without a record."""

    kind: Literal["backup_deleted"] = "backup_deleted"
    backup: Reference


class RestoreDrilled(_Documentation):
    """A backup was restored into a server of its own and compared with the log, or could not be."""

    kind: Literal["restore_drilled"] = "restore_drilled"
    backup: Reference
    outcome: Literal["restored", "failed"]
    seconds: dict[Reference, Number] = Field(default={}, description="That each phase took.")
    findings: tuple[Text, ...] = ()


class BackupRestored(_Documentation):
    """A backup replaced what the server held."""

    kind: Literal["backup_restored"] = "backup_restored"
    backup: Reference
    manifest_digest: Digest
    saved_as: Reference | None = Field(
        default=None, description="The backup of what was replaced, if it held anything."
    )


class AccountChange(_Documentation):
    """An account of the shared server was made, or may log in again, or may not any more, or got a new key."""

    kind: Literal["account_change"] = "account_change"
    action: Literal["created", "reactivated", "deactivated", "rotated"]
    account: Annotated[str, Field(pattern=r"^subject-[0-9a-f]{32}$")] = Field(description="Whose, under a pseudonym.")


class Migration(_Documentation):
    """A team's models, versions, artifacts and runs were copied to another project or server of ZenML."""

    kind: Literal["migration"] = "migration"
    outcome: Literal["succeeded", "failed"] = Field(
        description="Failed: what was compared afterwards was not the same."
    )
    source: Text = Field(description="The project they come from; of another server with its address.")
    destination: Text
    made: dict[Reference, Count] = Field(description="By kind: how many were made this time.")
    differences: Count
    map_digest: Digest = Field(description="Of the map that says what became of each identifier, kept with the log.")


class SnapshotFrozen(_Documentation):
    """A governed pipeline was compiled, and kept so that it can be started again as it is."""

    kind: Literal["snapshot_frozen"] = "snapshot_frozen"
    model: ModelName
    pipeline: Reference
    snapshot: Reference = Field(description="Its identifier in ZenML.")
    name: Reference = Field(description="Its name in ZenML when it was frozen; a name can be moved.")
    stack: Reference
    snapshot_digest: Digest = Field(description="Over everything here that says what was frozen.")
    definition: Digest = Field(description="Of what does not depend on the environment: pipeline, steps, parameters.")
    parts: dict[Reference, Digest] = Field(description="Digest of the pipeline's configuration and of each step's.")
    tested_as: Digest | None = Field(
        default=None, description="The snapshot of the environment before, from which a run ended well."
    )


class SnapshotRollback(_Documentation):
    """A pipeline's earlier snapshot is the one to start from again."""

    kind: Literal["snapshot_rollback"] = "snapshot_rollback"
    model: ModelName
    pipeline: Reference
    from_snapshot: Digest
    to_snapshot: Digest
    role: Reference = Field(description="Of whoever asked for it.")
    reason: Text


class RunReproduced(_Documentation):
    """A training was done again from its commit and lock, and compared."""

    kind: Literal["run_reproduced"] = "run_reproduced"
    run: Reference
    pipeline: Reference
    outcome: Literal["reproduced", "within_intervals", "differs"]
    first_difference: Reference | None = None
    rebuilt: Digest | None = Field(default=None, description="Of the model that came of it.")
    findings: tuple[Text, ...] = ()


AnyEvent = Annotated[
    InfrastructureChange
    | Registration
    | RunStarted
    | RunFinished
    | RunFailed
    | RunUsage
    | RunMetrics
    | ModelSigned
    | GateVerdict
    | Promotion
    | Approval
    | Override
    | Rollback
    | PipelineDeployed
    | ScheduleChanged
    | BatchPublication
    | PredictionAccess
    | SecretRotation
    | LogReview
    | LogExport
    | LegalHold
    | SubjectErased
    | Reconciliation
    | AccessDecision
    | ServerChange
    | BackupMade
    | BackupDeleted
    | RestoreDrilled
    | BackupRestored
    | AccountChange
    | Migration
    | SnapshotFrozen
    | SnapshotRollback
    | RunReproduced,
    Field(discriminator="kind"),
]

KINDS = tuple(str(event.model_fields["kind"].default) for event in get_args(get_args(AnyEvent)[0]))
"""Every kind of event."""

EVENT: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
"""Reads an event of any kind."""
