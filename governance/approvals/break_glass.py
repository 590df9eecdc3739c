"""Breaking the glass: in an emergency two signatures stand in for a gate that says no, or for a missing approval.

Both name a reason and hold for hours. They never stand in for the model's digest or signature. What was passed over
goes into the log before the stage is set, and into the environment's monitoring as an alert.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from governance.approvals.approve import Given, Tally
from governance.approvals.errors import PromotionRefusedError
from governance.approvals.expiry import LEASE
from governance.approvals.people import Requester
from governance.approvals.request import PromotionRequest
from governance.audit.events import Override
from governance.core import clock
from governance.core.policy import policy_version
from governance.core.stacks import active_stack
from governance.core.store_files import path_in
from governance.core.target import Target
from governance.gates.record import as_reference
from governance.records.journal import Journal, without_people
from governance.signing.people import identity_of

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGNATURES = 2
"""Different people who must sign."""
APPROVALS = "approvals"
"""What the log calls the missing approvals that were passed over."""
ROLE = "rollback_role"
"""What the log calls the role that somebody lacked who rolled back."""


def require_two(request: PromotionRequest, tally: Tally) -> tuple[Given, ...]:
    """Return the two signatures that break the glass for ``request``.

    Raises:
        PromotionRefusedError: fewer than two people signed.
    """
    if len(tally.counted) >= SIGNATURES:
        return tally.counted
    target = request.target
    why = f" Not counted: {'; '.join(tally.rejected)}." if tally.rejected else ""
    raise PromotionRefusedError(
        f"To break the glass for version {request.version} of {target.where}, {SIGNATURES} people with the role sign, "
        f"and {len(tally.counted)} did: `make approve MODEL={target.model} TO={target.environment.environment} "
        f"VERSION={request.version} BREAK_GLASS=1 REASON=… AS=<e-mail>`.{why}"
    )


def record_broken_glass(
    request: PromotionRequest, journal: Journal, given: Sequence[Given], *, approvals_missing: bool
) -> None:
    """Write into the log what two signatures passed over.

    Raises:
        NotRecordedError: it cannot be recorded, so it must not be done.
    """
    passed_over = [as_reference(result.gate) for result in request.unsettled]
    if approvals_missing:
        passed_over.append(APPROVALS)
    signers = tuple(journal.person(identity_of(approval.person)) for approval in given)
    journal.write(
        *(
            journal.event(
                Override,
                gate=gate,
                reason=given[0].statement.reason,
                expires=min(approval.statement.expires for approval in given),
                statement_digest=given[0].digest,
                signers=signers,
                break_glass=True,
                model_version=request.version,
                model_digest=request.model_digest,
                policy_version=request.policy,
            )
            for gate in passed_over
        )
    )


def record_rollback_without_role(requester: Requester, journal: Journal, target: Target, reason: str) -> None:
    """Write into the log, and raise the alert, that somebody without the role rolls ``target``'s environment back.

    Raises:
        PromotionRefusedError: they did not sign for it.
        NotRecordedError: it cannot be recorded, so it must not be done.
    """
    if requester.statement is None:
        raise PromotionRefusedError("To break the glass, sign for it: AS=<e-mail> [KEY=<ssh key>].")
    journal.write(
        journal.event(
            Override,
            gate=ROLE,
            reason=without_people(reason),
            expires=clock.now() + LEASE,
            statement_digest=requester.statement,
            signers=(journal.actor,),
            break_glass=True,
            policy_version=policy_version(target),
        )
    )
    with active_stack(target.stack, target.project):
        _write_metric(target)


def alert(request: PromotionRequest, given: Sequence[Given]) -> str:
    """Raise the alert in the environment's monitoring (``groundwork_break_glass_timestamp_seconds``).

    Returns:
        The alert in words, for whoever is at the terminal.
    """
    target = request.target
    passed_over = ", ".join(repr(result.gate) for result in request.unsettled) or "missing approvals"
    with active_stack(target.stack, target.project):
        _write_metric(target)
    return (
        f"ALERT: the glass was broken for version {request.version} of {target.where} past {passed_over}, signed by "
        f"{' and '.join(by.person.email for by in given)}: {given[0].statement.reason}. {target.owner} should know."
    )


def _write_metric(target: Target) -> None:
    from prometheus_client import CollectorRegistry, Gauge, generate_latest
    from zenml.client import Client

    registry, store = CollectorRegistry(), Client().active_stack.artifact_store
    labels = {"environment": target.environment.environment, "team": target.team.team, "model": target.model}
    Gauge(
        "groundwork_break_glass_timestamp_seconds",
        "When a promotion last passed a gate or a missing approval by emergency signatures.",
        [*labels],
        registry=registry,
    ).labels(**labels).set(time.time())
    path = path_in(store, "monitoring", f"{target.model}-break-glass.prom")
    store.makedirs(path.rsplit("/", 1)[0])
    with store.open(path, "wb") as file:
        file.write(generate_latest(registry))
