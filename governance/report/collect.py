"""Reads what a report shows: versions, runs and artifacts from ZenML, events from the environments' records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zenml.client import Client

from environments import LOWER_IS_BETTER, ORDER
from governance.core import clock
from governance.core.errors import RefusedError
from governance.core.target import Target
from governance.gates.catalogue import section_of
from governance.records.history import read_history
from governance.registry.releases import digest_of, trained_model
from governance.registry.versions import STAGES, staged_version
from governance.report.data import (
    CalibrationBin,
    Comparison,
    Confusion,
    EvaluationEvidence,
    GateOutcome,
    HistogramBin,
    HistoryEntry,
    Metric,
    Predictions,
    ReportData,
    Subject,
)
from governance.report.lineage import description_of, lanes
from governance.report.runs import GovernedRun, environments_up_to, newest_runs
from governance.runs.evidence import evaluation_of, predictions_of, verdicts_of
from pipelines.model import TrainedModel

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse

    from pipelines.evaluation import Evaluation
    from pipelines.labels import RiskDefinition


class NothingToReportError(RefusedError):
    """No version of the model is in use in the environment."""


def collect(target: Target) -> ReportData:
    """Collect what there is to say of the version in use in ``target``'s environment.

    It stands on the newest run of each purpose and environment, see :func:`governance.report.runs.newest_runs`.

    Raises:
        NothingToReportError: no version is in use there.
        StackMissingError: the environment's stack is not registered.
        ModelTamperedError: the model's files are not those that training saved.
    """
    version = staged_version(target)
    if version is None:
        raise NothingToReportError(
            f"No version of {target.where} is in use, so there is nothing to report. Train it, then promote it."
        )
    runs = newest_runs(version, target)
    model = trained_model(version).load()
    assert isinstance(model, TrainedModel)
    judged = _judged(runs)
    evaluation = None if judged is None else judged[1]
    return ReportData(
        written=clock.now(),
        subject=_subject(target, version, model, _source(runs)),
        environments=_environments(target),
        approvals_needed=target.environment.approvals,
        metrics=_metrics(evaluation, target),
        evaluation=None if judged is None else _evidence(*judged),
        gates=tuple(_gates(runs)),
        lineage=tuple(lanes(runs, version, model, target)),
        runs=tuple(governed.record() for governed in runs),
        history=tuple(_history(target)),
        predictions=_predictions(runs),
        previous=_previous(version, target),
    )


def _environments(target: Target) -> tuple[str, ...]:
    return tuple(name for name in ORDER if name in target.team.environments and name in target.platform.environments)


def _judged(runs: list[GovernedRun]) -> tuple[GovernedRun, Evaluation] | None:
    """Return the evaluation made furthest along the version's lifecycle, and the run that made it."""
    for governed in reversed(runs):
        evaluation = evaluation_of(governed.run)
        if evaluation is not None:
            return governed, evaluation
    return None


def _subject(target: Target, version: ModelVersionResponse, model: TrainedModel, source: str | None) -> Subject:
    signature = model.signature
    return Subject(
        model=target.model,
        description=signature.description,
        version=str(version.number),
        stage=version.stage or "none",
        environment=target.environment.environment,
        cloud=target.cloud,
        team=target.team.team,
        owners=target.team.owners,
        cost_center=target.team.cost_center,
        risk_meaning=signature.risk.meaning,
        risk_rule=_rule(signature.risk),
        estimator=str(signature.estimator["type"]),
        decision_threshold=signature.decision_threshold,
        source=source,
        digest=digest_of(version),
    )


def _source(runs: list[GovernedRun]) -> str | None:
    described = (description_of(governed) for governed in runs if governed.purpose == "training")
    return next((description.source for description in described if description is not None), None)


def _rule(risk: RiskDefinition) -> str:
    if risk.values is not None:
        return f"{risk.column} is {' or '.join(risk.values)}"
    of_quantile = f", the {risk.quantile:g} quantile of the training rows" if risk.quantile is not None else ""
    return f"{risk.column} above {risk.above:g}{of_quantile}"


def _metrics(evaluation: Evaluation | None, target: Target) -> tuple[Metric, ...]:
    """Return every metric that was measured or is asked for: first those that ``target``'s environment asks for."""
    asked = {name: target.platform.environment(name).thresholds_for(target.model) for name in _environments(target)}
    required = {name: thresholds.required() for name, thresholds in asked.items()}
    measured = evaluation.metrics.model_dump() if evaluation is not None else {}
    here = required[target.environment.environment]
    elsewhere = [metric for thresholds in required.values() for metric in thresholds]
    return tuple(
        Metric(
            name=name,
            value=measured.get(name),
            bound="at most" if name in LOWER_IS_BETTER else "at least",
            thresholds={environment: thresholds.get(name) for environment, thresholds in required.items()},
        )
        for name in dict.fromkeys([*here, *elsewhere, *measured])
    )


def _evidence(governed: GovernedRun, evaluation: Evaluation) -> EvaluationEvidence:
    calibration, curve, counts = evaluation.calibration, evaluation.roc_curve, evaluation.confusion
    return EvaluationEvidence(
        run=governed.run.name,
        environment=governed.environment,
        rows=evaluation.rows,
        positives=evaluation.positives,
        decision_threshold=evaluation.decision_threshold,
        data_digest=evaluation.data_digest,
        confusion=Confusion(
            true_positive=counts.tp, false_negative=counts.fn, false_positive=counts.fp, true_negative=counts.tn
        ),
        roc=tuple(zip(curve.false_positive_rate, curve.true_positive_rate, strict=True)),
        calibration=tuple(
            CalibrationBin(predicted=predicted, observed=observed, rows=rows)
            for predicted, observed, rows in zip(
                calibration.predicted, calibration.observed, calibration.count, strict=True
            )
        ),
    )


def _gates(runs: list[GovernedRun]) -> Iterator[GateOutcome]:
    for governed in runs:
        for result in verdicts_of(governed.run):
            yield GateOutcome(
                run=governed.run.name,
                environment=governed.environment,
                time=governed.started,
                section=section_of(result.gate),
                result=result,
            )


_VOID = "counts for nothing: decided under other settings than were applied; "


def _history(target: Target) -> Iterator[HistoryEntry]:
    """Return events of the model in every environment up to ``target``'s."""
    for name in environments_up_to(target):
        if name not in STAGES:
            continue
        for event in read_history(target.in_environment(name)).events:
            yield HistoryEntry(
                time=event.time,
                environment=event.environment,
                kind=event.kind,
                version=event.version,
                actor=event.actor,
                approvers=event.approvers,
                reason=f"{_VOID}{event.reason}" if event.other_settings else event.reason,
            )


def _predictions(runs: list[GovernedRun]) -> Predictions | None:
    for governed in runs:
        summary = predictions_of(governed.run) if governed.purpose == "batch inference" else None
        if summary is not None:
            edges = summary.histogram.edges
            return Predictions(
                run=governed.run.name,
                time=summary.predicted_at,
                rows=summary.rows,
                flagged=summary.flagged,
                source=summary.input.location,
                uri=summary.uri,
                quantiles={float(share): value for share, value in summary.probability_quantiles.items()},
                histogram=tuple(
                    HistogramBin(low=low, high=high, rows=rows)
                    for low, high, rows in zip(edges, edges[1:], summary.histogram.counts, strict=False)
                ),
            )
    return None


def _previous(version: ModelVersionResponse, target: Target) -> Comparison | None:
    """Return the version that was in use before this one, as far as the events and ZenML still know it."""
    if target.environment.environment not in STAGES:
        return None
    used = read_history(target).versions
    number = str(version.number)
    earlier = used[: used.index(number)] if number in used else []
    if not earlier:
        return None
    try:
        before = Client().get_model_version(target.model, earlier[-1])
    except KeyError:
        return None  # deleted since
    judged = _judged(newest_runs(before, target))
    if judged is None:
        return None
    evaluation = judged[1]
    return Comparison(
        version=str(before.number),
        metrics=evaluation.metrics.model_dump(),
        rows=evaluation.rows,
        data_digest=evaluation.data_digest,
    )
