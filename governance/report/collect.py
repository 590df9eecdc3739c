"""Reads what a report shows: versions, runs and artifacts from ZenML, events from the environments' records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from zenml.client import Client

from environments import ORDER
from governance.core import clock
from governance.core.errors import RefusedError
from governance.core.requirements import Requirements
from governance.core.target import Target
from governance.gates.catalogue import goes_on, section_of
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
from pipelines.config import read_config
from pipelines.model import TrainedModel
from pipelines.tasks.metrics import find_metric
from pipelines.tasks.shapes import MulticlassShape, RegressionShape, Shape

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse

    from pipelines.evaluation import Evaluation


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
        task=signature.task,
        meaning=signature.label.meaning,
        rule=signature.label.rule,
        unit=signature.label.unit,
        estimator=str(signature.estimator["type"]),
        decision_threshold=signature.decision_threshold,
        source=source,
        digest=digest_of(version),
    )


def _source(runs: list[GovernedRun]) -> str | None:
    described = (description_of(governed) for governed in runs if governed.purpose == "training")
    return next((description.source for description in described if description is not None), None)


def _metrics(evaluation: Evaluation | None, target: Target) -> tuple[Metric, ...]:
    """Return every metric that was measured or is asked for: first those that ``target``'s environment asks for."""
    config = read_config(target.model)
    asked = {name: Requirements.of(target.platform.environment(name), config) for name in _environments(target)}
    measured = evaluation.metrics if evaluation is not None else {}
    here = asked[target.environment.environment].thresholds
    elsewhere = [metric for required in asked.values() for metric in required.thresholds]
    found = []
    for name in dict.fromkeys([*here, *elsewhere, *measured]):
        known, rules = find_metric(name), config.metrics.get(name)
        better = known.better if known is not None else (rules.better if rules is not None else None)
        in_units = config.target.unit if known is not None and known.in_units else ""
        found.append(
            Metric(
                name=name,
                value=measured.get(name),
                bound="at most" if better == "lower" else "at least",
                unit=rules.unit if rules is not None and rules.unit else in_units,
                thresholds={environment: required.required().get(name) for environment, required in asked.items()},
            )
        )
    return tuple(found)


def _evidence(governed: GovernedRun, evaluation: Evaluation) -> EvaluationEvidence:
    return EvaluationEvidence(
        run=governed.run.name,
        environment=governed.environment,
        rows=evaluation.rows,
        labels=evaluation.labels,
        decision_threshold=evaluation.decision_threshold,
        data_digest=evaluation.data_digest,
        **_shown(evaluation.shape),
    )


def _shown(shape: Shape) -> dict[str, Any]:
    """Return what a report draws of an evaluation."""
    if isinstance(shape, RegressionShape):
        return {"numbers": shape}
    groups = shape.calibration
    calibration = tuple(
        CalibrationBin(predicted=predicted, observed=observed, rows=rows)
        for predicted, observed, rows in zip(groups.predicted, groups.observed, groups.count, strict=True)
    )
    if isinstance(shape, MulticlassShape):
        return {"classes": shape, "calibration": calibration}
    counts, curve = shape.confusion, shape.roc_curve
    return {
        "confusion": Confusion(
            true_positive=counts.tp, false_negative=counts.fn, false_positive=counts.fp, true_negative=counts.tn
        ),
        "roc": tuple(zip(curve.false_positive_rate, curve.true_positive_rate, strict=True)),
        "calibration": calibration,
    }


def _gates(runs: list[GovernedRun]) -> Iterator[GateOutcome]:
    for governed in runs:
        for result in verdicts_of(governed.run):
            yield GateOutcome(
                run=governed.run.name,
                environment=governed.environment,
                time=governed.started,
                section=section_of(result.gate),
                result=result,
                left_open=goes_on(result) and not result.settled,
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
                outcomes=summary.outcomes,
                mean=summary.value_mean,
                source=": ".join(filter(None, [summary.input.location, summary.input.selection])),
                uri=summary.uri,
                quantiles={float(share): value for share, value in summary.value_quantiles.items()},
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
        before = Client().get_model_version(target.model, earlier[-1], project=target.project)
    except KeyError:
        return None  # deleted since
    judged = _judged(newest_runs(before, target))
    if judged is None:
        return None
    evaluation = judged[1]
    return Comparison(
        version=str(before.number),
        metrics=evaluation.metrics,
        rows=evaluation.rows,
        data_digest=evaluation.data_digest,
    )
