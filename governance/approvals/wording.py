"""What people read before they sign: all that their signature would stand for, in words."""

from __future__ import annotations

from collections.abc import Iterator

from governance.approvals.request import PromotionRequest
from governance.audit import AuditError, Filter, select
from governance.audit.events import GateVerdict
from governance.core.target import Target
from governance.gates.record import as_reference
from governance.records.history import read_history
from governance.records.journal import Journal
from governance.signing.people import Person
from governance.signing.statements import ApprovalStatement, OverrideStatement, RequestStatement


def approval_text(request: PromotionRequest, statement: ApprovalStatement, trainer: Person) -> str:
    """Describe an approval: the model, by digest, the verdict of every gate with its figures, and what is in use now.

    The gate on champion and challenger holds how the version differs from the one in use.
    """
    target, emergency = request.target, ", past what gates and people say" if statement.break_glass else ""
    lines = [
        f"version {request.version} of {target.where} is {statement.decision}{emergency}, until "
        f"{statement.expires:%Y-%m-%d %H:%M} UTC and for one promotion",
        f"  model     {request.model_digest}, trained by {trainer.email}",
        f"  in use    {_in_use(target)}",
        f"  evidence  {request.evidence_digest}, of run {request.run}",
        f"  policy    {request.policy}",
        *([f"  reason    {statement.reason}"] if statement.reason else []),
    ]
    for result in request.results:
        lines.append(f"  gate {result.gate}: {result.verdict.replace('_', ' ')}")
        lines += [f"    {check}" for check in result.checks]
    lines += [f"  exempt    {exempt}" for exempt in _exempt(target)]
    return "\n".join(lines)


def override_text(statement: OverrideStatement, target: Target, journal: Journal, version: str | None) -> str:
    """Describe an override: what it sets aside, for how long, and what that gate last concluded here."""
    what = f"{statement.subject!r} of gate {statement.gate!r}" if statement.subject else f"gate {statement.gate!r}"
    which = f"version {version}, {statement.model_digest}" if version else "any version"
    return "\n".join(
        [
            f"{what} may be passed for {target.where} though it cannot conclude, until "
            f"{statement.expires:%Y-%m-%d %H:%M} UTC",
            f"  model     {which}",
            f"  policy    {statement.policy_version}",
            f"  reason    {statement.reason}",
            *_last_verdicts(statement, target, journal, version),
        ]
    )


def request_text(statement: RequestStatement) -> str:
    """Describe a request for a promotion or a rollback."""
    return (
        f"a request that version {statement.model_version} of {statement.model} be brought into "
        f"{statement.environment}\n  model     {statement.model_digest}\n  policy    {statement.policy_version}"
    )


def _in_use(target: Target) -> str:
    try:
        found = read_history(target).current
    except AuditError as error:
        return f"cannot be told: {error}"
    return "no version" if found is None else f"version {found.version}, {found.digest}"


def _exempt(target: Target) -> Iterator[str]:
    fairness = target.environment.gates.fairness
    for one in fairness.exemptions:
        if one.model == target.model:
            yield f"{one.measure.replace('_', ' ')} by {one.attribute}: {one.reason}"
    if target.model in fairness.no_attributes:
        yield f"fairness: {fairness.no_attributes[target.model]}"


def _last_verdicts(
    statement: OverrideStatement, target: Target, journal: Journal, version: str | None
) -> Iterator[str]:
    wanted, run = Filter(kind="gate_verdict", model=target.model, model_version=version), None
    for entry in select(journal.log, wanted, newest_first=True):
        event = entry.event
        if not isinstance(event, GateVerdict) or event.gate != as_reference(statement.gate):
            continue
        if run is None:
            run = event.run
            yield f"  in run {run}, {event.time:%Y-%m-%d %H:%M} UTC, of version {event.model_version or 'none yet'}:"
        if event.run != run:
            return
        if statement.subject is None or event.subject == as_reference(statement.subject):
            bounds = f", from {event.lower:.4g} to {event.upper:.4g}" if None not in (event.lower, event.upper) else ""
            value = "missing" if event.value is None else f"{event.value:.4g}"
            limit = "" if event.threshold is None else f", limit {event.threshold:.4g}"
            yield f"    {event.subject}: {event.verdict.replace('_', ' ')}, {value}{bounds}{limit}"
    if run is None:
        yield f"  The log of {target.environment.environment} holds no verdict of it on this model."
