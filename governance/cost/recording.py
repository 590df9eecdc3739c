"""Recording what every step of a governed run used, as ZenML metadata and in the audit log.

``step_began`` and ``step_ended`` are ZenML's step hooks; they run in the step's own process, wherever that is.
``record_usage`` is an observer of the whole run and gathers what the steps left. ZenML swallows what a hook raises, so
a step that could not be measured simply has no usage: it is then named as missing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import ValidationError
from zenml import get_step_context, log_metadata
from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.metadata.metadata_types import MetadataType

from governance.audit.events import RunUsage, StepUsage
from governance.core.digests import digest
from governance.cost.measure import Measured, Meter
from governance.cost.money import CurrencyMismatchError
from governance.cost.pods import FLAVOR, Pod, PodPrices
from governance.cost.prices import load_prices
from governance.cost.step_cost import price_step, sum_of
from governance.records import run_outbox
from governance.records.context import RunContext

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, StepRunResponse
    from zenml.stack import StackComponent

METADATA_KEY = "usage"
"""The metadata key of a step and of a run that holds its usage."""

_running: dict[UUID, Meter] = {}
"""Meters of the steps that run in this process."""


def step_began() -> None:
    """Begin to measure the step that runs in this process."""
    _running[get_step_context().step_run.id] = Meter()


def step_ended() -> None:
    """Measure the step that ran in this process, price it, and leave that on the step.

    ZenML calls this before it stores the step's outputs, so storing them is not part of the measurement.
    """
    step_run = get_step_context().step_run
    measured = _running.pop(step_run.id).stop()
    stack = Client().active_stack
    chosen = step_run.config.step_operator
    component: StackComponent = stack.orchestrator
    if chosen and stack.step_operator is not None:
        component = stack.step_operator
    usage, currency = price_step(
        step_run.name,
        measured,
        executor=component.flavor,
        step_operator=component.name if component is not stack.orchestrator else None,
        machine_type=machine_type(component, step_run),
        region=getattr(component.config, "region", None) or getattr(component.config, "location", None),
        resources=_resources(step_run),
        book=load_prices(),
        pod=_pod(component, measured),
    )
    recorded: dict[str, Any] = {**usage.model_dump(mode="json", exclude_none=True), "currency": currency or "none"}
    # As text: what a number looks like when it comes back is ZenML's business, and it must come back exactly.
    log_metadata(metadata={METADATA_KEY: json.dumps(recorded)}, step_id=step_run.id)


def record_usage(run: PipelineRunResponse, context: RunContext) -> None:
    """Put what the steps of ``run`` used on the run and its model version, and leave it for the audit log.

    Raises:
        CurrencyMismatchError: steps were priced in different currencies.
    """
    event = gather(run, context)
    run_outbox.enqueue(event)
    metadata: dict[str, MetadataType] = {
        "cost": event.cost if event.cost is not None else "unknown",
        "currency": event.currency or "unknown",
        "complete": event.complete,
        "wall_seconds": sum(step.wall_seconds for step in event.steps),
        "cpu_seconds": sum(step.cpu_seconds for step in event.steps),
        "peak_memory_bytes": max((step.peak_memory_bytes for step in event.steps), default=0),
        "missing": ", ".join(event.missing) or "none",
    }
    log_metadata(metadata={METADATA_KEY: metadata}, run_id_name_or_prefix=run.id)
    if run.model_version is not None:
        by_run: dict[str, MetadataType] = {f"usage of {context.pipeline} in {context.environment}": metadata}
        log_metadata(metadata=by_run, model_version_id=run.model_version.id)


def gather(run: PipelineRunResponse, context: RunContext) -> RunUsage:
    """Gather what the steps of ``run`` left, as an event; steps that ran and left nothing readable are named missing.

    Raises:
        CurrencyMismatchError: steps were priced in different currencies.
    """
    measured, missing, currencies = list[StepUsage](), list[str](), set[str]()
    for name, step in sorted(run.steps.items()):
        if step.status == ExecutionStatus.CACHED or step.start_time is None:
            continue  # it did not run
        found = _left_by(step)
        if found is None:
            missing.append(name)
        else:
            usage, currency = found
            measured.append(usage)
            currencies |= {currency} - {"none"}
    if len(currencies) > 1:
        raise CurrencyMismatchError(f"Steps of {run.name} are priced in {' and '.join(sorted(currencies))}.")
    cost = sum_of(measured)
    return context.event(
        RunUsage,
        run,
        currency=currencies.pop() if currencies else None,
        cost=None if cost is None else f"{cost:f}",
        steps=tuple(measured),
        missing=tuple(missing),
        price_book=digest(load_prices().digest),
    )


def machine_type(component: StackComponent, step_run: StepRunResponse) -> str | None:
    """Return the machine that ``component`` rents for the step, where its settings say so."""
    if component.settings_class is None:
        return None
    settings = component.get_settings(step_run)
    chosen = settings.model_dump()
    for holder in (chosen, chosen.get("custom_job_parameters") or {}, chosen.get("estimator_args") or {}):
        for name in ("instance_type", "machine_type"):
            if holder.get(name):
                return str(holder[name])
    return None


def _pod(component: StackComponent, measured: Measured) -> Pod | None:
    """Return the pod that the step of this process runs in, where its run carries what that costs."""
    context = get_step_context()
    prices = PodPrices.carried_by(context.pipeline_run.config.extra)
    if component.flavor != FLAVOR or prices is None:
        return None
    return Pod.of(component.get_settings(context.step_run), measured, prices)


def _resources(step_run: StepRunResponse) -> dict[str, float | str]:
    asked = step_run.config.resource_settings
    found: dict[str, float | str | None] = {
        "cpu_count": asked.cpu_count,
        "gpu_count": asked.gpu_count,
        "memory": asked.memory,
    }
    return {name: value for name, value in found.items() if value is not None}


def _left_by(step: StepRunResponse) -> tuple[StepUsage, str] | None:
    left = step.run_metadata.get(METADATA_KEY)
    try:
        recorded = json.loads(str(left))
        currency = recorded.pop("currency")
        return StepUsage.model_validate(recorded), str(currency)
    except (ValueError, KeyError, AttributeError, ValidationError):
        return None
