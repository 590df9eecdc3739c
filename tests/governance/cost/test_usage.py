"""Every governed run records what its steps used and cost; what was not measured is missing, never zero."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from governance.audit import open_reader, select
from governance.audit.events import RunUsage
from governance.audit.query import Filter
from governance.core.target import Target
from governance.cost.measure import Measured, Meter
from governance.cost.prices import Price, PriceBook, load_prices
from governance.cost.step_cost import price_step
from governance.runs.session import RunSession
from tests.governance.conftest import Ground

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

GIGABYTE = 10**9


def usages(target: Target) -> list[RunUsage]:
    log = open_reader(target.platform, target.environment.environment, cloud=target.cloud)
    return [e.event for e in select(log, Filter(kind="run_cost")) if isinstance(e.event, RunUsage)]


def test_a_meter_tells_work_from_waiting_and_sees_memory_that_was_given_back() -> None:
    before, meter = time.process_time(), Meter()
    time.sleep(0.2)
    block = bytearray(64_000_000)
    time.sleep(0.1)
    size = len(block)
    del block
    slept = meter.stop()
    assert slept.wall_seconds >= 0.3
    assert slept.cpu_seconds <= time.process_time() - before + 0.01, "what the system counts, but for rounding"
    busy = Meter()
    deadline = time.process_time() + 0.2
    while time.process_time() < deadline:
        pass
    worked = busy.stop()
    assert worked.cpu_seconds >= 0.2
    assert slept.peak_memory_bytes >= size


def test_a_step_on_this_machine_costs_what_it_used() -> None:
    usage, currency = price_step(
        "fit",
        Measured(wall_seconds=3600, cpu_seconds=7200, peak_memory_bytes=2 * GIGABYTE),
        executor="local",
        step_operator=None,
        machine_type=None,
        region=None,
        resources={},
        book=load_prices(),
    )
    # two CPU hours and two GB for an hour
    assert Decimal(usage.cost or "nan") == 2 * Decimal("0.04048") + 2 * Decimal("0.004445")
    assert currency == "USD"


@pytest.mark.parametrize(
    ("executor", "machine", "region", "cost", "unpriced"),
    [
        ("sagemaker", "ml.m5.large", "us-east-1", "0.0575", None),
        ("sagemaker", "ml.m5.large", "eu-central-1", None, "aws/eu-central-1/ml.m5.large"),
        ("vertex", None, "europe-west1", None, "vertex/unknown-machine"),
        ("kubernetes", None, None, None, "kubernetes/unknown-machine"),
    ],
)
def test_a_rented_machine_costs_its_time_and_one_without_a_price_is_unknown(
    executor: str, machine: str | None, region: str | None, cost: str | None, unpriced: str | None
) -> None:
    usage, _ = price_step(
        "fit",
        Measured(wall_seconds=1800, cpu_seconds=1, peak_memory_bytes=1),
        executor=executor,
        step_operator=None,
        machine_type=machine,
        region=region,
        resources={},
        book=load_prices(),
    )
    assert (usage.cost if usage.cost is None else Decimal(usage.cost)) == (None if cost is None else Decimal(cost))
    assert usage.unpriced == unpriced


def test_without_local_prices_a_local_step_is_unpriced() -> None:
    only: dict[str, Any] = {"cloud": "aws", "region": "*", "item": "kms-key", "unit": "month", "currency": "USD"}
    price = Price(**only, amount=Decimal(1), source="https://example.com/", as_of="2026-01-01")
    usage, currency = price_step(
        "fit",
        Measured(1, 1, 1),
        executor="local",
        step_operator=None,
        machine_type=None,
        region=None,
        resources={},
        book=PriceBook(max_age_days=1, prices=(price,)),
    )
    assert (usage.cost, usage.unpriced, currency) == (None, "local", None)


@pytest.fixture(scope="module")
def trained(ground: Ground) -> PipelineRunResponse:
    from governance.runs.jobs import train

    return train(ground.target("dev"))


def test_a_run_leaves_its_usage_on_run_step_model_version_and_in_the_log(
    ground: Ground, trained: PipelineRunResponse
) -> None:
    from zenml.client import Client

    (event,) = usages(ground.target("dev"))
    assert event.run == trained.name
    assert {step.step for step in event.steps} == set(trained.steps)
    assert event.missing == ()
    assert event.complete
    assert event.currency == "USD"
    assert Decimal(event.cost or "nan") == sum(Decimal(step.cost or "nan") for step in event.steps)
    assert all(step.wall_seconds > 0 and step.peak_memory_bytes > 10**7 for step in event.steps)
    assert sum(step.cpu_seconds for step in event.steps) > 0
    told: Any = trained.run_metadata["usage"]
    assert Decimal(told["cost"]) == Decimal(event.cost or "nan")
    for step in trained.steps.values():
        assert json.loads(str(step.run_metadata["usage"]))["executor"] == "local"
    assert trained.model_version is not None
    version = Client().get_model_version(trained.model_version.model.name, trained.model_version.id)
    assert version.run_metadata["usage of training_pipeline in dev"] == told


@pytest.mark.parametrize("left", [None, "{}", "not measured"])
def test_a_step_that_left_no_measurement_is_missing_and_not_free(
    left: str | None, trained: PipelineRunResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a hook that failed, which ZenML swallows."""
    from zenml.client import Client

    from governance.cost.recording import gather
    from governance.records.context import context_of

    run = Client().get_pipeline_run(trained.id)
    context = context_of(run)
    assert context is not None
    whole = gather(run, context)
    name = whole.steps[0].step
    steps = run.steps
    held = steps[name].run_metadata
    held.pop("usage")
    monkeypatch.setattr(type(run), "steps", property(lambda _run: steps))
    if left is not None:
        held["usage"] = left
    event = gather(run, context)
    assert event.missing == (name,)
    assert name not in {step.step for step in event.steps}
    assert len(event.steps) == len(whole.steps) - 1
    assert not event.complete
    assert Decimal(event.cost or "nan") == Decimal(whole.cost or "nan") - Decimal(whole.steps[0].cost or "nan")


def test_every_governed_pipeline_carries_the_labels(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    from governance.runs import govern
    from pipelines.training import training_pipeline

    monkeypatch.setattr(
        govern, "orchestrator_labels", lambda _target, pipeline: {"orchestrator.vertex": {"labels": {"p": pipeline}}}
    )
    governed = govern.govern(training_pipeline, RunSession(ground.target("dev")))
    settings = governed.configuration.settings["orchestrator.vertex"]
    assert settings.model_dump()["labels"] == {"p": "training_pipeline"}
