"""What a step cost, from what it used and the price book."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from governance.audit.events import StepUsage
from governance.cost.clouds import CLOUDS
from governance.cost.measure import Measured
from governance.cost.money import Money
from governance.cost.pods import Pod
from governance.cost.prices import Price, PriceBook

FINEST = Decimal("0.000000000001")
"""Costs are kept to twelve decimals: a step of a second on this machine costs some hundred-thousandths."""

ON_THIS_MACHINE: frozenset[str] = frozenset({"local", "local_docker"})
"""Flavours that run steps where the command runs; they are charged by what they used."""


def price_step(
    step: str,
    measured: Measured,
    *,
    executor: str,
    step_operator: str | None,
    machine_type: str | None,
    region: str | None,
    resources: Mapping[str, float | str],
    book: PriceBook,
    pod: Pod | None = None,
) -> tuple[StepUsage, str | None]:
    """Return the usage of ``step`` with its cost, and the cost's currency.

    Args:
        step: its name in the run.
        measured: what its process used.
        executor: flavour of the step operator, or else of the orchestrator, that ran it.
        step_operator: name of the step operator, if it had one.
        machine_type: what was rented for it, where that is known.
        region: where it ran.
        resources: what its settings asked for.
        book: the prices.
        pod: that it ran in, where its cluster has prices of its own.
    """
    exact, unpriced = _cost(measured, executor, machine_type, region, book) if pod is None else (pod.cost, None)
    cost = exact and Money(exact.amount.quantize(FINEST, ROUND_HALF_EVEN), exact.currency)
    usage = StepUsage(
        step=step,
        wall_seconds=round(measured.wall_seconds, 6),
        cpu_seconds=round(measured.cpu_seconds, 6),
        peak_memory_bytes=measured.peak_memory_bytes,
        executor=executor,
        step_operator=step_operator,
        machine_type=machine_type,
        resources=dict(resources if pod is None else pod.resources),
        pod_seconds=None if pod is None else round(pod.seconds, 6),
        cost=None if cost is None else f"{cost.amount:f}",
        unpriced=unpriced,
    )
    return usage, None if cost is None else cost.currency


def sum_of(steps: Iterable[StepUsage]) -> Decimal | None:
    """Sum the cost of the steps whose cost is known; None when it is known of none."""
    known = [Decimal(step.cost) for step in steps if step.cost is not None]
    return sum(known, Decimal(0)) if known else None


def _cost(
    measured: Measured, executor: str, machine_type: str | None, region: str | None, book: PriceBook
) -> tuple[Money | None, str | None]:
    if executor in ON_THIS_MACHINE:
        cpu, memory = book.find("local", None, "cpu"), book.find("local", None, "memory")
        if cpu is None or memory is None:
            return None, "local"
        gigabyte_seconds = Decimal(measured.peak_memory_bytes) / 10**9 * _decimal(measured.wall_seconds)
        return _hours(cpu, _decimal(measured.cpu_seconds)) + _hours(memory, gigabyte_seconds), None
    cloud = next((name for name, cloud in CLOUDS.items() if cloud.executor == executor), None)
    if cloud is None or machine_type is None:
        return None, f"{executor}/{machine_type or 'unknown-machine'}"
    price = book.find(cloud, region, f"machine/{machine_type}")
    if price is None:
        return None, f"{cloud}/{region or 'unknown-region'}/{machine_type}"
    return _hours(price, _decimal(measured.wall_seconds)), None


def _hours(price: Price, seconds: Decimal) -> Money:
    return Money(price.amount * seconds / 3600, price.currency)


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))
