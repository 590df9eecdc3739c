"""Promotion from environment to environment, and back.

A version enters ``staging`` when the evaluation made at its training clears staging's thresholds, and ``production``
when it is in staging, was validated there by a governed run, clears production's thresholds and enough people other
than the requester agreed. The Model Control Plane's stages say what is where; who did what is in the events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.enums import ExecutionStatus, ModelStages

from environments import ORDER
from governance import events
from governance.context import context_of
from governance.errors import Refused
from governance.evidence import evaluation_of
from governance.gates.performance import judge_performance
from governance.gates.result import GateResult
from governance.provenance import current_user
from governance.releases import Release, digest_of, ensure_release, find_release, verify_release
from governance.roles import people_who_approve
from governance.target import Target
from pipelines.training import training_pipeline
from pipelines.validation import validation_pipeline

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse, PipelineRunResponse

STAGES = {"staging": ModelStages.STAGING, "production": ModelStages.PRODUCTION}
"""Environments that have a stage of their own in ZenML's Model Control Plane."""


class PromotionRefused(Refused):
    """The promotion or rollback is not allowed; the message says why and what would make it so."""


@dataclass(frozen=True)
class Promotion:
    """A promotion that was made."""

    version: str
    previous: str | None
    result: GateResult
    release: Release | None


def staged_version(target: Target) -> ModelVersionResponse | None:
    """The version whose stage is ``target``'s environment; in an environment without a stage, the newest that passed.

    In dev that is the newest version whose training run completed with its gates.
    """
    stage = STAGES.get(target.environment.environment)
    if stage is None:
        return next(
            (v for v in _versions_newest_first(target.model) if _run_of(v, target, training_pipeline.name)), None
        )
    found = Client().list_model_versions(model=target.model, stage=stage, hydrate=True)
    return found.items[0] if found.items else None


def promote(
    target: Target,
    *,
    version: str | None = None,
    requested_by: str | None = None,
    approved_by: Sequence[str] = (),
    dry_run: bool = False,
) -> Promotion:
    """Bring a model version into ``target``'s environment.

    Args:
        target: The model and the environment it is to enter.
        version: Version number; by default the one that is in the environment before.
        requested_by: Who asks; by default who runs this.
        approved_by: Who agreed, as they stand in the team's file.
        dry_run: Check everything and change nothing.

    Raises:
        PromotionRefused: a precondition is missing.
        GateFailed: the evidence misses a threshold of ``target``'s environment.
        ReleaseError: the model's files are not those that training recorded.
    """
    requester = requested_by or current_user()
    source = _environment_before(target)
    candidate = _candidate(target, source, version)
    evidence = _evidence(candidate, source)
    _approved(target, requester, approved_by)
    evaluation = evaluation_of(evidence)
    if evaluation is None:
        raise PromotionRefused(f"Run {evidence.name} holds no evaluation of version {candidate.number}.")
    result = judge_performance(
        evaluation, target.thresholds, model=target.model, environment=target.environment.environment
    )
    current = staged_version(target)
    if current is not None and current.id == candidate.id:
        raise PromotionRefused(
            f"Version {candidate.number} of {target.model} is in {target.environment.environment} already."
        )
    if dry_run:
        result.require()
        return Promotion(str(candidate.number), _number(current), result, None)

    def note(kind: events.Kind, reason: str = "") -> None:
        events.append(target, _event(target, kind, candidate, requester, approved_by, reason))

    note("promotion requested")
    if not result.passed:
        note("promotion refused", "; ".join(map(str, result.failures)))
        result.require()
    release = ensure_release(candidate, target)
    candidate.set_stage(STAGES[target.environment.environment], force=True)
    note("promotion completed")
    return Promotion(str(candidate.number), _number(current), result, release)


def rollback(target: Target, *, requested_by: str | None = None, reason: str, dry_run: bool = False) -> tuple[str, str]:
    """Return ``target``'s environment to the version that was in use there before the current one.

    Which one that was comes from the recorded events, never from counting version numbers down.

    Returns:
        The version that was left and the one that is in use now.

    Raises:
        PromotionRefused: nothing earlier was in use, or its release is gone.
        ReleaseError: the earlier version's files are not those that were released.
    """
    if target.environment.environment not in STAGES:
        raise PromotionRefused(
            f"There is no stage to roll back in {target.environment.environment}; train again instead."
        )
    current = staged_version(target)
    if current is None:
        raise PromotionRefused(f"No version of {target.where} is in use, so there is nothing to roll back.")
    used = events.released_versions(target)
    if str(current.number) in used:
        used = used[: used.index(str(current.number))]
    if not used:
        raise PromotionRefused(
            f"Version {current.number} is the first of {target.where}; no earlier version was in use there."
        )
    earlier = Client().get_model_version(target.model, used[-1])
    if find_release(earlier, target) is None:
        raise PromotionRefused(f"Version {earlier.number} has no release in {target.environment.environment} any more.")
    verify_release(earlier, target)
    if not dry_run:
        earlier.set_stage(STAGES[target.environment.environment], force=True)
        actor = requested_by or current_user()
        events.append(target, _event(target, "rollback completed", earlier, actor, (), reason))
    return str(current.number), str(earlier.number)


def _environment_before(target: Target) -> Target:
    name = target.environment.environment
    if name not in STAGES:
        raise PromotionRefused(f"Nothing is promoted into {name!r}; choose one of: {', '.join(STAGES)}.")
    return target.in_environment(ORDER[ORDER.index(name) - 1])


def _candidate(target: Target, source: Target, version: str | None) -> ModelVersionResponse:
    if version is None:
        found = staged_version(source)
        if found is None:
            raise PromotionRefused(f"No version of {source.where} is ready to be promoted.")
        return found
    try:
        chosen = Client().get_model_version(target.model, version)
    except KeyError as error:
        raise PromotionRefused(f"{target.model} has no version {version!r}.") from error
    if source.environment.environment in STAGES and chosen.stage != STAGES[source.environment.environment]:
        raise PromotionRefused(
            f"Version {version} of {target.model} is in stage {chosen.stage or 'none'!r}; only the version in "
            f"{source.environment.environment} can enter {target.environment.environment}."
        )
    return chosen


def _evidence(candidate: ModelVersionResponse, source: Target) -> PipelineRunResponse:
    """The completed, governed run in ``source`` that evaluated exactly this model."""
    name = training_pipeline.name if source.environment.environment not in STAGES else validation_pipeline.name
    found = _run_of(candidate, source, name)
    if found is None:
        environment = source.environment.environment
        how = "train" if name == training_pipeline.name else "validate"
        raise PromotionRefused(
            f"Version {candidate.number} of {source.model} has no completed governed {name} in "
            f"{environment}: run `make {how} ENV={environment} MODEL={source.model}` first."
        )
    return found


def _run_of(version: ModelVersionResponse, target: Target, pipeline: str) -> PipelineRunResponse | None:
    """The newest completed run of ``pipeline`` for ``version`` that was governed in ``target``'s environment."""
    runs = Client().list_pipeline_runs(
        linked_to_model_version_id=version.id, status=ExecutionStatus.COMPLETED, hydrate=True, size=100
    )
    for run in runs.items:
        context = context_of(run)
        if (
            context is not None
            and context.pipeline == pipeline
            and context.environment == target.environment.environment
            and context.model == target.model
            and context.gates
        ):
            return run
    return None


def _versions_newest_first(model: str) -> list[ModelVersionResponse]:
    return list(Client().list_model_versions(model=model, sort_by="desc:number", size=50, hydrate=True).items)


def _approved(target: Target, requester: str, approvers: Sequence[str]) -> None:
    allowed = people_who_approve(target)
    strangers = sorted(set(approvers) - set(allowed))
    if strangers:
        raise PromotionRefused(
            f"{', '.join(strangers)} may not approve {target.where}; people who may: {', '.join(allowed) or 'nobody'}."
        )
    counted = set(approvers) - {requester}
    needed = target.environment.approvals
    if len(counted) < needed:
        others = [person for person in allowed if person != requester]
        raise PromotionRefused(
            f"{target.where} needs {needed} approval(s) by somebody other than {requester}, and has {len(counted)}. "
            f"Give APPROVED_BY=<e-mail>; people who may: {', '.join(others) or 'nobody'}."
        )


def _event(
    target: Target,
    kind: events.Kind,
    version: ModelVersionResponse,
    actor: str,
    approvers: Sequence[str],
    reason: str,
) -> events.ModelEvent:
    return events.ModelEvent(
        kind=kind,
        time=datetime.now(UTC),
        environment=target.environment.environment,
        team=target.team.team,
        model=target.model,
        version=str(version.number),
        digest=digest_of(version),
        actor=actor,
        approvers=tuple(approvers),
        reason=reason,
    )


def _number(version: ModelVersionResponse | None) -> str | None:
    return None if version is None else str(version.number)
