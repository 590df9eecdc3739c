"""The way of a model to production in one go, as far as it may go without people.

Every step is the one that has a command of its own: train, promote to staging, validate there, promote to production.
What is done already is not done again, so that it goes on after an approval from where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from environments import ORDER
from governance.core.stacks import require_stack
from governance.core.target import Target
from governance.promotion.promote import ApprovalDueError, promote
from governance.registry.versions import run_of, staged_version
from governance.runs import jobs
from governance.runs.pipelines import training_of
from pipelines.config import read_config
from pipelines.validation import validation_pipeline

if TYPE_CHECKING:
    from governance.promotion.recovery import Promotion
    from governance.signing.signatories import Signatory

POLL = 2.0
"""Seconds between two looks for an approval."""

Teller = Callable[[str], None]


@dataclass(frozen=True)
class Released:
    """How far a model came."""

    version: str
    promotion: Promotion | None
    """The promotion to production; ``None`` when the version was there already."""


def release(
    production: Target,
    *,
    requested_by: Signatory | None = None,
    wait: float = 0,
    tell: Teller = lambda _: None,
) -> Released:
    """Bring the newest version that passed in the first environment to production.

    Args:
        production: The model and the last environment.
        requested_by: Who asks for the promotions, as for :func:`promote`.
        wait: Seconds to wait for an approval that is due.
        tell: Is told each step in a few words.

    Raises:
        ApprovalDueError: only people's approvals are missing, and none came while waiting.
            Run it again once they agreed.
        PromotionRefusedError, GateFailedError, ReleaseError, SigningError, NotRecordedError: as for the single steps.
    """
    dev, staging = (production.in_environment(name) for name in ORDER[:2])
    candidate = staged_version(dev)
    if candidate is None:
        tell(f"training in {ORDER[0]}")
        jobs.train(dev)
        candidate = staged_version(dev)
        assert candidate is not None, "a training that raised nothing passed its gates"
    version = str(candidate.number)
    in_use = staged_version(production)
    if in_use is not None and in_use.id == candidate.id:
        return Released(version, None)
    staged = staged_version(staging)
    if staged is None or staged.id != candidate.id:
        tell(f"promoting version {version} to {ORDER[1]}")
        promote(staging, version=version, requested_by=requested_by)
        staged = staged_version(staging)
        assert staged is not None, "a promotion that raised nothing set the stage"
    if run_of(staged, staging, validation_pipeline.name) is None:
        tell(f"validating version {version} in {ORDER[1]}")
        jobs.validate(staging)
    tell(f"promoting version {version} to {ORDER[-1]}")
    return Released(version, _promote_when_approved(production, requested_by, wait, tell))


def next_steps(production: Target) -> list[str]:
    """Return what :func:`release` would go on with, as things are. Change nothing.

    Raises:
        ConfigError, PipelineMissingError: the model's config cannot be loaded, or names no pipeline that can be used.
        StackMissingError: a stack on the way is not registered.
    """
    dev, staging = (production.in_environment(name) for name in ORDER[:2])
    training_of(read_config(production.model))
    for target in (dev, staging, production):
        require_stack(target.stack)
    candidate, in_use, staged = staged_version(dev), staged_version(production), staged_version(staging)
    to_staging, to_production = f"promote to {ORDER[1]}", f"promote to {ORDER[-1]}"
    validation = f"validate in {ORDER[1]}"
    if candidate is None:
        return [f"train in {ORDER[0]}", to_staging, validation, to_production]
    if in_use is not None and in_use.id == candidate.id:
        return []
    if staged is None or staged.id != candidate.id:
        return [to_staging, validation, to_production]
    return [*([] if run_of(staged, staging, validation_pipeline.name) else [validation]), to_production]


def _promote_when_approved(production: Target, requested_by: Signatory | None, wait: float, tell: Teller) -> Promotion:
    until = time.monotonic() + wait
    try:
        return promote(production, requested_by=requested_by)
    except ApprovalDueError as due:
        if not wait:
            raise
        tell(f"waiting for an approval: {due}")
        last = due
    while time.monotonic() < until:
        time.sleep(POLL)
        try:
            promote(production, requested_by=requested_by, dry_run=True)  # asking again would fill the log
        except ApprovalDueError as due:
            last = due
        else:
            return promote(production, requested_by=requested_by)
    raise last
