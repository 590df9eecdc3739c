"""Promotion from environment to environment, and back.

A version enters ``staging`` when the evaluation made at its training clears staging's thresholds, and ``production``
when it is in staging, was validated there by a governed run, clears production's thresholds and enough people other
than the requester agreed. The Model Control Plane's stages say what is where; the audit log says who did what, and is
written before the stage is: if it cannot be, the stage does not change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from zenml.client import Client

from environments import ORDER
from governance.audit.canonical import canonical
from governance.audit.events import Approval, now
from governance.audit.events import Promotion as PromotionEvent
from governance.evidence import evaluation_of
from governance.exclusive import alone
from governance.gates.performance import judge_performance
from governance.gates.result import GateFailed, GateResult
from governance.journal import Journal, NotRecorded, digest, without_people
from governance.promotion.settling import Promotion, PromotionRefused, settle
from governance.provenance import current_user
from governance.releases import digest_of, ensure_release
from governance.roles import people_who_approve
from governance.target import Target
from governance.versions import STAGES, number, restore_stages, run_of, staged_version
from pipelines.evaluation import Evaluation
from pipelines.training import training_pipeline
from pipelines.validation import validation_pipeline

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse, PipelineRunResponse

APPROVAL_VALID = timedelta(days=1)
"""How long an agreement may be acted on. It is given together with the request, so a day is ample."""


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
        requested_by: E-mail of who asks; by default who runs this.
        approved_by: Who agreed, as they stand in the team's file.
        dry_run: Check everything and change nothing.

    Raises:
        PromotionRefused: a precondition is missing, or another promotion is going on.
        GateFailed: the evidence misses a threshold of ``target``'s environment.
        ReleaseError: the model's files are not those that training recorded.
        NotRecorded: the audit log cannot be written; the stage is as it was.
    """
    requester = requested_by or current_user()
    source = _environment_before(target)
    if dry_run:
        candidate = _candidate(target, source, version)
        _new_here(target, candidate)
        _, _, result = _examine(target, source, candidate, requester, approved_by)
        return Promotion(str(candidate.number), number(staged_version(target)), result.require(), None)
    with alone(target):
        journal = Journal(target, requested_by)
        note, finished = settle(target, journal)
        if finished is not None and version in (None, finished.version):
            return finished
        candidate = _candidate(target, source, version)
        _new_here(target, candidate)
        return _promote(target, source, candidate, journal, requester, approved_by, note)


def _promote(
    target: Target,
    source: Target,
    candidate: ModelVersionResponse,
    journal: Journal,
    requester: str,
    approved_by: Sequence[str],
    note: str,
) -> Promotion:
    attempt, current = uuid4().hex, staged_version(target)
    facts: dict[str, object] = {
        "promotion": attempt,
        "model_version": str(candidate.number),
        "model_digest": digest(digest_of(candidate)),
        "from_stage": candidate.stage or "none",
        "to_stage": target.environment.environment,
        "replaces": number(current),
    }

    def write(step: str, **more: object) -> None:
        journal.write(journal.event(PromotionEvent, step=step, **facts, **more))

    write("requested")
    try:
        run, evaluation, result = _examine(target, source, candidate, requester, approved_by)
        result.require()
    except (PromotionRefused, GateFailed) as refusal:
        write("refused", reason=without_people(str(refusal)))
        raise
    evidence = {"evaluation": digest(_evaluation_digest(evaluation)), "data": digest(result.evidence_digest)}
    write("gates", evidence=evidence, run=run.name)
    if approved_by:
        journal.write(*_approvals(target, journal, facts, evidence, approved_by))
    write("approved")
    release = ensure_release(candidate, target)
    # Written ahead: whoever finds this without "completed" knows that the stage may have been set.
    write("stage_set")
    candidate.set_stage(STAGES[target.environment.environment], force=True)
    try:
        write("completed")
    except NotRecorded:
        restore_stages(candidate, str(facts["from_stage"]), current, target)
        raise
    return Promotion(str(candidate.number), number(current), result, release, note)


def _new_here(target: Target, candidate: ModelVersionResponse) -> None:
    current = staged_version(target)
    if current is not None and current.id == candidate.id:
        raise PromotionRefused(
            f"Version {candidate.number} of {target.model} is in {target.environment.environment} already."
        )


def _examine(
    target: Target, source: Target, candidate: ModelVersionResponse, requester: str, approvers: Sequence[str]
) -> tuple[PipelineRunResponse, Evaluation, GateResult]:
    """The evidence for ``candidate`` and what ``target``'s gate says of it; people are checked first."""
    run = _evidence(candidate, source)
    _approved(target, requester, approvers)
    evaluation = evaluation_of(run)
    if evaluation is None:
        raise PromotionRefused(f"Run {run.name} holds no evaluation of version {candidate.number}.")
    if evaluation.model_digest != digest_of(candidate):
        raise PromotionRefused(
            f"Run {run.name} evaluated a model with digest {evaluation.model_digest}, and version {candidate.number} "
            f"has {digest_of(candidate)}: the evidence is of another model."
        )
    environment = target.environment.environment
    result = judge_performance(evaluation, target.thresholds, model=target.model, environment=environment)
    return run, evaluation, result


def _evaluation_digest(evaluation: Evaluation) -> str:
    return hashlib.sha256(canonical(evaluation.model_dump(mode="json"))).hexdigest()


def _approvals(
    target: Target, journal: Journal, facts: dict[str, object], evidence: dict[str, str], approvers: Sequence[str]
) -> list[Approval]:
    members = target.team.environments[target.environment.environment].members
    expires, found = now() + APPROVAL_VALID, []
    for email in approvers:
        actor = journal.person(email)
        statement = {
            "promotion": facts["promotion"],
            "model": target.model,
            "model_digest": facts["model_digest"],
            "evidence": evidence,
            "approver": actor.id,
            "expires": expires.isoformat(),
        }
        found.append(
            journal.event(
                Approval,
                actor=actor,
                promotion=facts["promotion"],
                model_version=facts["model_version"],
                model_digest=facts["model_digest"],
                decision="approved",
                role=members[email],
                statement_digest=digest(hashlib.sha256(canonical(statement)).hexdigest()),
                expires=expires,
            )
        )
    return found


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
    found = run_of(candidate, source, name)
    if found is None:
        environment = source.environment.environment
        how = "train" if name == training_pipeline.name else "validate"
        raise PromotionRefused(
            f"Version {candidate.number} of {source.model} has no completed governed {name} in "
            f"{environment}: run `make {how} ENV={environment} MODEL={source.model}` first."
        )
    return found


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
