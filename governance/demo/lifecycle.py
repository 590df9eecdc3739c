"""A model's lifecycle in the demo: to production, stopped by a gate, rolled back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from environments import ORDER, Platform
from governance.core.errors import RefusedError
from governance.core.target import Target, target_for
from governance.demo.config import Place
from governance.demo.progress import DemoProgress

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

    from governance.promotion.recovery import Promotion
    from governance.signing.signatories import Signatory
    from pipelines.config import ModelConfig


class NotStoppedError(RefusedError):
    """A gate let a model pass that was made to be stopped."""


def bring_to_production(platform: Platform, model: str, progress: DemoProgress, place: Place) -> None:
    """Train, promote, validate, sign, promote, and score a batch."""
    from governance.approvals.approve import approve
    from governance.core.progress import watch_steps
    from governance.promotion.promote import promote
    from governance.runs import jobs
    from governance.runs.evidence import predictions_of

    dev, staging, production = (target_for(platform, model, name, place.cloud) for name in ORDER)
    requester, approver = place.signers(production)
    with progress.doing("train in dev") as tell_outcome, watch_steps(progress.step):
        tell_outcome(_figures(jobs.train(dev), dev))
    with progress.doing("promote to staging") as tell_outcome:
        tell_outcome(_verdict_line(promote(staging, requested_by=requester)))
    with progress.doing("validate in staging") as tell_outcome, watch_steps(progress.step):
        tell_outcome(_figures(jobs.validate(staging), staging))
    _set_aside_what_cannot_conclude(production, approver, progress)
    with progress.doing(f"approval by {approver.email}") as tell_outcome:
        tell_outcome(f"signed with their key, until {approve(production, approver).statement.expires:%Y-%m-%d}")
    with progress.doing("promote to production") as tell_outcome:
        tell_outcome(_verdict_line(promote(production, requested_by=requester)))
    with progress.doing("batch inference in production") as tell_outcome, watch_steps(progress.step):
        predictions = predictions_of(jobs.infer(production))
        assert predictions is not None, "a completed batch inference put out its summary"
        tell_outcome(f"{predictions.rows} rows scored, {predictions.told}")


def stop_a_bad_model(platform: Platform, model: str, progress: DemoProgress, place: Place) -> None:
    """Train the model so that it learns next to nothing, and see it stopped.

    Raises:
        NotStoppedError: it was not.
    """
    from governance.core.progress import watch_steps
    from governance.gates.result import GateFailedError
    from governance.runs.run import run
    from governance.runs.session import RunSession
    from pipelines.training import training_pipeline

    dev = target_for(platform, model, ORDER[0], place.cloud)
    with progress.doing("train a model that learns next to nothing") as tell_outcome, watch_steps(progress.step):
        try:
            session = RunSession(dev)
            run(training_pipeline, session, config=_that_learns_nothing(session.config))
        except GateFailedError as stopped:
            worst = next(check for check in stopped.result.checks if check.verdict == "failed")
            tell_outcome(f"stopped: {worst}")
        else:
            raise NotStoppedError(
                f"A model of {dev.where} that learns nothing passed its gates. Run `make gates-prove`."
            )


def go_back(platform: Platform, model: str, progress: DemoProgress, place: Place) -> None:
    """Return production to the version that was in use before; one is brought there first if there was none."""
    from governance.promotion.rollback import rollback
    from governance.records.history import read_history

    production = target_for(platform, model, ORDER[-1], place.cloud)
    if len(read_history(production).versions) < 2:
        bring_to_production(platform, model, progress, place)
    requester, _ = place.signers(production)
    with progress.doing("roll production back") as tell_outcome:
        left, now = rollback(production, requested_by=requester, reason="demonstration of the way back")
        tell_outcome(f"from version {left} to version {now}, which the log says was in use before")


def _that_learns_nothing(config: ModelConfig) -> ModelConfig:
    from pipelines.components import Estimator

    weak = Estimator(type="logistic_regression", parameters={"C": 1e-9})
    return config.model_copy(update={"estimator": weak})


def _set_aside_what_cannot_conclude(production: Target, signer: Signatory, progress: DemoProgress) -> None:
    """Sign an override for each gate that has too few rows to conclude; one that says no stays."""
    from governance.approvals.approve import approve
    from governance.approvals.overrides import override
    from governance.gates.catalogue import OVERRIDABLE
    from governance.gates.result import GateFailedError

    for _ in OVERRIDABLE:
        try:
            approve(production, signer, dry_run=True)
        except GateFailedError as stopped:
            if stopped.result.verdict == "failed":
                raise
            gate = stopped.result.gate
            with progress.doing(f"override of {gate!r}, which cannot conclude, by {signer.email}") as tell_outcome:
                reason = "the demonstration's public data set is small"
                given = override(production, signer, gate=gate, reason=reason)
                tell_outcome(f"signed with their key, until {given.statement.expires:%Y-%m-%d}")
        else:
            return


def _figures(run: PipelineRunResponse, target: Target) -> str:
    """Return the version that a run made or judged, and what it reached of what is asked for."""
    from governance.runs.evidence import evaluation_of

    evaluation = evaluation_of(run)
    assert evaluation is not None, "a run whose gates passed was evaluated"
    reached = {name: evaluation.metrics[name] for name in target.thresholds.required() if name in evaluation.metrics}
    version = run.model_version.number if run.model_version else "?"
    return f"version {version}, {', '.join(f'{name} {value:.3f}' for name, value in reached.items())}"


def _verdict_line(promotion: Promotion) -> str:
    """Return the verdict in one line: what each gate said, and what was set aside."""
    before = f", replaces version {promotion.previous}" if promotion.previous else ""
    passed = [result.gate for result in promotion.results if result.verdict == "passed"]
    aside = [result.gate for result in promotion.results if result.verdict != "passed"]
    return f"version {promotion.version}{before}; {len(passed)} gates passed" + (
        f", {', '.join(aside)} set aside by signature" if aside else ""
    )
