"""The main job, told as it happens: infrastructure, stacks, and every team's models from training to production."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from environments import ORDER, Platform
from governance.errors import Refused
from governance.ground import claim, remove_claimed, shared_ground, use_local_store
from governance.roles import people_who_approve
from governance.target import Target, target_for

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

    from governance.progress import StepEvent
    from governance.promotion.settling import Promotion
    from governance.signing.signatories import Signatory

CLOUD = "local"
TRAINER = "demo@example.com"
"""What the demo's allowed signers call whoever runs it."""


def clean(platform: Platform, *, dry_run: bool = False) -> list[Path]:
    """Remove what the demo made, and only that. Returns the folders removed (or, dry, to be removed)."""
    return remove_claimed(platform, shared_ground(platform), dry_run=dry_run)


def tell(platform: Platform, console: Console | None = None) -> Path:
    """Run the main job for every environment and team. It can be run again, and goes on from what is there.

    Returns:
        The index of the reports.

    Raises:
        GateFailed: a model did not reach what an environment asks for; everything before that stays.
        TerraformError, RegistrationError: the ground could not be laid.
    """
    story = _Story(console or Console(highlight=False))
    ground = shared_ground(platform)
    claim(platform, ground)
    use_local_store(ground)
    began = time.monotonic()
    _lay_ground(platform, story)
    for team in platform.teams.values():
        for model in team.models:
            story.chapter(f"{team.team}: {model}")
            _bring_to_production(platform, model, story)
    story.chapter("What came of it")
    index = _write_reports(platform, story)
    story.console.print(
        f"\nDone in {time.monotonic() - began:.0f} s. Open the report: [bold]{index}[/bold]", soft_wrap=True
    )
    return index


class _Story:
    """Tells one line per thing that was done, with the seconds it took, and what is going on meanwhile."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def chapter(self, title: str) -> None:
        self.console.print(f"\n[bold]{title}[/bold]")

    @contextmanager
    def doing(self, what: str) -> Iterator[Callable[[str], None]]:
        """Show ``what`` as going on; the block gives the outcome to the yielded function."""
        outcome: list[str] = []
        began = time.monotonic()
        with self.console.status(what):
            yield outcome.append
        took = f"[dim]{time.monotonic() - began:5.1f} s[/dim]"
        self.console.print(f"  {took}  {what}{f': {outcome[-1]}' if outcome else ''}", soft_wrap=True)

    def step(self, event: StepEvent) -> None:
        if event.state == "finished":
            self.console.print(f"           [dim]{event.step} {event.took}[/dim]")
        elif event.state == "failed":
            self.console.print(f"           [red]{event.step} stopped the run[/red]")


def _lay_ground(platform: Platform, story: _Story) -> None:
    from governance.infrastructure import AuditRecorder
    from stack_bootstrap.infrastructure import apply
    from stack_bootstrap.recorders import attached
    from stack_bootstrap.workspace import workspace

    story.chapter("Infrastructure: three environments, from the YAML in environments/")
    contracts = {}
    for name in platform.environments:
        with story.doing(f"terraform apply {name}") as tell_outcome, attached(AuditRecorder()):
            applied = apply(workspace(platform, name, CLOUD))
            contracts[name] = applied.stacks
            tell_outcome(str(applied.changes))
    story.chapter("Stacks: what Terraform built, registered in ZenML")
    with story.doing("starting ZenML"):
        from governance.progress import quiet_third_parties

        quiet_third_parties()
        from stack_bootstrap.registration import register_all
    with story.doing("registering") as tell_outcome, attached(AuditRecorder()):
        changed = sum(
            1 for _ in register_all(contracts, settings=platform.directory)
        )  # what differed is what was written
        tell_outcome(f"{changed} objects written" if changed else "nothing to change")


def _bring_to_production(platform: Platform, model: str, story: _Story) -> None:
    from governance import jobs
    from governance.evidence import evaluation_of, predictions_of
    from governance.progress import watch_steps
    from governance.promotion.approvals import approve
    from governance.promotion.promote import promote

    dev, staging, production = (target_for(platform, model, name, CLOUD) for name in ORDER)
    requester, approver = _people(production)

    def metrics(run: PipelineRunResponse, target: Target) -> str:
        evaluation = evaluation_of(run)
        assert evaluation is not None, "a run whose gates passed was evaluated"
        reached = evaluation.metrics.model_dump(include=set(target.thresholds.required()))
        version = run.model_version.number if run.model_version else "?"
        return f"version {version}, {', '.join(f'{name} {value:.3f}' for name, value in reached.items())}"

    with story.doing("train in dev") as tell_outcome, watch_steps(story.step):
        tell_outcome(metrics(jobs.train(dev), dev))
    with story.doing("promote to staging") as tell_outcome:
        tell_outcome(_told(promote(staging, requested_by=requester)))
    with story.doing("validate in staging") as tell_outcome, watch_steps(story.step):
        tell_outcome(metrics(jobs.validate(staging), staging))
    _set_aside_what_cannot_conclude(production, approver, story)
    with story.doing(f"approval by {approver.email}") as tell_outcome:
        tell_outcome(f"signed with their key, until {approve(production, approver).statement.expires:%Y-%m-%d}")
    with story.doing("promote to production") as tell_outcome:
        tell_outcome(_told(promote(production, requested_by=requester)))
    with story.doing("batch inference in production") as tell_outcome, watch_steps(story.step):
        predictions = predictions_of(jobs.infer(production))
        assert predictions is not None, "a completed batch inference put out its summary"
        tell_outcome(f"{predictions.rows} rows scored, {predictions.flagged} flagged")


def _set_aside_what_cannot_conclude(production: Target, signer: Signatory, story: _Story) -> None:
    """Sign an override for each gate that has too few rows to conclude; one that says no stays."""
    from governance.gates.result import GateFailed
    from governance.promotion.approvals import approve
    from governance.promotion.overrides import GATES, override

    for _ in GATES:
        try:
            approve(production, signer, dry_run=True)
        except GateFailed as stopped:
            if stopped.result.verdict == "failed":
                raise
            gate = stopped.result.gate
            with story.doing(f"override of {gate!r}, which cannot conclude, by {signer.email}") as tell_outcome:
                reason = "the demonstration's public data set is small"
                given = override(production, signer, gate=gate, reason=reason)
                tell_outcome(f"signed with their key, until {given.statement.expires:%Y-%m-%d}")
        else:
            return


def _people(production: Target) -> tuple[Signatory, Signatory]:
    """Two different people of the team, each with a key made on the spot: one asks, the other agrees.

    Whoever runs the demo is the third: it is they who train.
    """
    from governance.audit import current_identity
    from governance.signing.people import principal_of
    from governance.signing.signatories import demo_key

    people = people_who_approve(production)
    if len(people) < 2:
        raise Refused(
            f"The demo needs two ml-engineers of {production.team.team} in production, one to ask and one to agree; "
            f"its file names {', '.join(people) or 'none'}."
        )
    demo_key(production, TRAINER, principal_of(current_identity()))
    return demo_key(production, people[0]), demo_key(production, people[1])


def _told(promotion: Promotion) -> str:
    """The verdict in one line: each figure beside what the environment asks for."""
    from governance.gates.performance import NAME

    decided = [c for result in promotion.results if result.gate == NAME for c in result.checks if c.value is not None]
    checks = ", ".join(f"{check.name} {check.value:.3f} ({check.bound} {check.threshold:g})" for check in decided)
    before = f", replaces version {promotion.previous}" if promotion.previous else ""
    return f"version {promotion.version}{before}; {checks}"


def _write_reports(platform: Platform, story: _Story) -> Path:
    from governance.report.write import default_folder, write_report

    folder = default_folder(platform)
    for team in platform.teams.values():
        for model in team.models:
            with story.doing(f"report of {model}"):
                write_report(target_for(platform, model, ORDER[-1], CLOUD), folder)
    return folder / "index.html"
