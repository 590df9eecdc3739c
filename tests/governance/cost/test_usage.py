"""Every governed run records what its steps used and cost; what was not measured is missing, never zero."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest

from governance.audit import open_reader, select
from governance.audit.events import RunUsage
from governance.audit.query import Filter
from governance.cost.measure import Measured, Meter
from governance.cost.prices import Price, PriceBook, load_prices
from governance.cost.step_cost import price_step
from governance.target import Target
from tests.governance.conftest import Ground

GIGABYTE = 10**9


def usages(target: Target) -> list[RunUsage]:
    log = open_reader(target.platform, target.environment.environment, cloud=target.cloud)
    return [e.event for e in select(log, Filter(kind="run_cost")) if isinstance(e.event, RunUsage)]


def test_a_meter_tells_work_from_waiting_and_sees_memory_that_was_given_back() -> None:
    meter = Meter()
    time.sleep(0.2)
    block = bytearray(64_000_000)
    time.sleep(0.1)
    size = len(block)
    del block
    slept = meter.stop()
    assert slept.wall_seconds >= 0.3
    assert slept.cpu_seconds < 0.25
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


def test_a_run_leaves_its_usage_on_run_step_model_version_and_in_the_log(ground: Ground) -> None:
    from zenml.client import Client

    from governance.jobs import train

    target = ground.target("dev")
    run = train(target)
    (event,) = usages(target)
    assert event.run == run.name
    assert {step.step for step in event.steps} == set(run.steps)
    assert event.missing == ()
    assert event.complete
    assert event.currency == "USD"
    assert Decimal(event.cost or "nan") == sum(Decimal(step.cost or "nan") for step in event.steps)
    assert all(step.wall_seconds > 0 and step.peak_memory_bytes > 10**7 for step in event.steps)
    assert sum(step.cpu_seconds for step in event.steps) > 0
    told: Any = run.run_metadata["usage"]
    assert Decimal(told["cost"]) == Decimal(event.cost or "nan")
    for step in run.steps.values():
        assert json.loads(str(step.run_metadata["usage"]))["executor"] == "local"
    assert run.model_version is not None
    version = Client().get_model_version(run.model_version.model.name, run.model_version.id)
    assert version.run_metadata[f"usage of {run.pipeline.name} in dev"] == told if run.pipeline else False


def test_a_step_that_left_no_measurement_is_missing_and_not_free(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook that fails for one step (ZenML swallows that) does not make the step cost nothing."""
    from governance.cost import recording
    from governance.jobs import train

    class Broken(Exception):
        pass

    measuring = recording.Meter.stop
    calls: list[int] = []

    def fail_once(meter: Meter) -> Measured:
        calls.append(1)
        if len(calls) == 2:
            raise Broken
        return measuring(meter)

    monkeypatch.setattr(recording.Meter, "stop", fail_once)
    target = ground.target("dev")
    run = train(target)
    event = usages(target)[-1]
    assert event.run == run.name
    assert len(event.missing) == 1
    assert event.missing[0] not in {step.step for step in event.steps}
    assert len(event.steps) == len(run.steps) - 1
    assert not event.complete


def test_every_governed_pipeline_carries_the_labels(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    from governance import govern
    from pipelines.training import training_pipeline

    monkeypatch.setattr(
        govern, "orchestrator_labels", lambda _target, pipeline: {"orchestrator.vertex": {"labels": {"p": pipeline}}}
    )
    governed = govern.govern(training_pipeline, ground.target("dev"))
    settings = governed.configuration.settings["orchestrator.vertex"]
    assert settings.model_dump()["labels"] == {"p": "training_pipeline"}
