"""What people read before they sign: all that their signature would stand for, in words."""

from __future__ import annotations

from collections.abc import Iterator

from governance.approvals.comparison import Comparison
from governance.approvals.request import PromotionRequest, environment_before
from governance.audit import AuditError, Filter, LogReader, open_reader, select
from governance.audit.events import GateVerdict
from governance.core.target import Target
from governance.gates.record import as_reference
from governance.records.history import read_history
from governance.records.journal import Journal
from governance.registry.versions import STAGES
from governance.signing.people import Person
from governance.signing.statements import ApprovalStatement, OverrideStatement, RequestStatement


def approval_text(
    request: PromotionRequest, statement: ApprovalStatement, trainer: Person, comparison: Comparison | None
) -> str:
    """Describe an approval: the model, by digest, beside what is in use now, and every gate's verdict and figures."""
    target, emergency = request.target, ", past what gates and people say" if statement.break_glass else ""
    lines = [
        f"version {request.version} of {target.where} is {statement.decision}{emergency}, until "
        f"{statement.expires:%Y-%m-%d %H:%M} UTC and for one promotion",
        f"  model     {request.model_digest}, trained by {trainer.email}",
        f"  in use    {_in_use(target)}",
        f"  evidence  {request.evidence_digest}, of run {request.run}",
        f"  policy    {request.policy}",
        *([f"  reason    {statement.reason}"] if statement.reason else []),
        *comparison_lines(comparison),
    ]
    for result in request.results:
        lines.append(f"  gate {result.gate}: {result.verdict.replace('_', ' ')}")
        lines += [f"    {check}" for check in result.checks]
    lines += [f"  exempt    {exempt}" for exempt in _exempt(target)]
    return "\n".join(lines)


def comparison_lines(comparison: Comparison | None) -> Iterator[str]:
    """Yield how a version differs from the one in use, metric by metric; nothing where the log does not hold both."""
    if comparison is None:
        return
    rows = "on the same rows" if comparison.same_rows else "on other rows, which may be all that differs"
    yield f"  beside version {comparison.champion}, which is in use, as run {comparison.run} measured it {rows}:"
    yield from (f"    {difference}" for difference in comparison.differences)


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
    """Yield what the gate last concluded where the override counts.

    It counts for runs in ``target``'s environment, and for a promotion into it, which stands on a run in the one
    before: each has a log of its own.
    """
    yield from _verdicts(statement, target.environment.environment, journal.log, version)
    if target.environment.environment not in STAGES:
        return
    source = environment_before(target)
    before = source.environment.environment
    try:
        yield from _verdicts(statement, before, open_reader(source.platform, before, cloud=source.cloud), version)
    except AuditError as error:
        yield f"  What the log of {before} holds cannot be told: {error}"


def _verdicts(statement: OverrideStatement, environment: str, log: LogReader, version: str | None) -> Iterator[str]:
    wanted, run = Filter(kind="gate_verdict", model=statement.model, model_version=version), None
    for entry in select(log, wanted, newest_first=True):
        event = entry.event
        if not isinstance(event, GateVerdict) or event.gate != as_reference(statement.gate):
            continue
        if run is None:
            run = event.run
            yield (
                f"  in run {run} in {environment}, {event.time:%Y-%m-%d %H:%M} UTC, of version "
                f"{event.model_version or 'none yet'}:"
            )
        if event.run != run:
            return
        if statement.subject is None or event.subject == as_reference(statement.subject):
            bounds = f", from {event.lower:.4g} to {event.upper:.4g}" if None not in (event.lower, event.upper) else ""
            value = "missing" if event.value is None else f"{event.value:.4g}"
            limit = "" if event.threshold is None else f", limit {event.threshold:.4g} in {environment}"
            yield f"    {event.subject}: {event.verdict.replace('_', ' ')}, {value}{bounds}{limit}"
    if run is None:
        yield f"  The log of {environment} holds no verdict of it on this model."
