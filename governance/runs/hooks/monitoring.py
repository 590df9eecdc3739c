"""Monitoring metrics of a run in the Prometheus text format, for a textfile collector or a scraper of the store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from zenml.client import Client
from zenml.utils.time_utils import utc_now

from governance.core.store_files import path_in
from governance.records.context import RunContext
from governance.runs.evidence import evaluation_of

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse


def push_success(run: PipelineRunResponse, context: RunContext) -> None:
    """Write the metrics of a run that succeeded."""
    _write(run, context, succeeded=True)


def push_failure(run: PipelineRunResponse, context: RunContext) -> None:
    """Write the metrics of a run that failed."""
    _write(run, context, succeeded=False)


def render(run: PipelineRunResponse, context: RunContext, *, succeeded: bool) -> bytes:
    """Render the metrics of ``run``: whether and when it ended, how long it took (seconds), what the model reached."""
    labels = {
        "environment": context.environment,
        "team": context.team,
        "model": context.model,
        "pipeline": context.pipeline,
    }
    registry = CollectorRegistry()

    def gauge(name: str, text: str, value: float) -> None:
        Gauge(name, text, [*labels], registry=registry).labels(**labels).set(value)

    started = run.start_time or run.created
    gauge("groundwork_run_succeeded", "Whether the last run succeeded.", float(succeeded))
    gauge("groundwork_run_ended_timestamp_seconds", "When the last run ended.", time.time())
    gauge("groundwork_run_duration_seconds", "How long the last run took.", (utc_now() - started).total_seconds())
    evaluation = evaluation_of(run)
    if evaluation is not None:
        scores = Gauge("groundwork_model_metric", "What the model reached.", [*labels, "metric"], registry=registry)
        for name, value in evaluation.metrics.items():
            scores.labels(**labels, metric=name).set(value)
    return generate_latest(registry)


def _write(run: PipelineRunResponse, context: RunContext, *, succeeded: bool) -> None:
    store = Client().active_stack.artifact_store
    path = path_in(store, "monitoring", f"{context.model}-{context.pipeline}.prom")
    store.makedirs(path.rsplit("/", 1)[0])
    with store.open(path, "wb") as file:
        file.write(render(run, context, succeeded=succeeded))
