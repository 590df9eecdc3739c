"""A team's budget as monitoring metrics, beside those of runs: what alerts where a run is not refused."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from zenml.client import Client
from zenml.logger import get_logger

from governance.core.store_files import path_in
from governance.cost.budget import BudgetCheck

_logger = get_logger(__name__)


def render(check: BudgetCheck) -> bytes:
    """Render the metrics of ``check`` in the Prometheus text format; spend that is not known is left out."""
    registry = CollectorRegistry()
    labels = {"environment": check.environment, "team": check.team}

    def gauge(name: str, text: str, value: float) -> None:
        Gauge(name, text, [*labels], registry=registry).labels(**labels).set(value)

    gauge("groundwork_budget_amount", f"The month's budget, in {check.currency}.", float(check.budget))
    gauge("groundwork_budget_known", "Whether the month's spend could be told.", float(check.spent is not None))
    if check.spent is not None:
        gauge("groundwork_budget_spent", f"Spent in the month so far, in {check.currency}.", float(check.spent))
        gauge("groundwork_budget_exceeded", "Whether that is over the budget.", float(check.verdict == "failed"))
    return generate_latest(registry)


def tell_budget(check: BudgetCheck) -> None:
    """Warn whoever starts the run, and write the metrics of ``check`` where monitoring scrapes the stack's store."""
    if check.message is not None:
        _logger.warning(check.message)
    store = Client().active_stack.artifact_store
    path = path_in(store, "monitoring", f"budget-{check.team}.prom")
    store.makedirs(path.rsplit("/", 1)[0])
    with store.open(path, "wb") as file:
        file.write(render(check))
