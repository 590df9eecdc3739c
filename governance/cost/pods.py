"""What a step in a pod costs: what its pod asks of the cluster, for as long as it does, at the settings' own prices.

The pod itself reckons, and has no settings: a run carries the prices that it was started under.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from environments.cluster import ClusterSettings
from environments.strict import StrictModel
from governance.cost.money import Money

if TYPE_CHECKING:
    from governance.core.target import Target
    from governance.cost.measure import Measured

FLAVOR = "kubernetes"
"""Of the orchestrators whose steps are pods."""
KEY = "pod_prices"
"""The key of a pipeline's ``extra`` configuration that holds the prices."""
_ZENML_MEMORY = "400Mi"
"""What ZenML's orchestrator asks for in the name of a step that asks for no memory."""
_GIB = 2**30
_HOUR_SECONDS = 3600


class PodPrices(StrictModel):
    """Prices of one environment's cluster, and what its pods ask for where their steps do not say."""

    currency: str
    cpu_hour: Decimal
    gb_hour: Decimal
    """Of memory, by the gibibyte."""
    gpu_hour: Decimal
    cpu: Decimal
    """Cores that the cluster takes a step to ask for that asks for none."""
    accelerator: str
    """What the cluster calls an accelerator."""

    @classmethod
    def of(cls, target: Target) -> PodPrices | None:
        """Return the prices of the cluster that ``target``'s section of the settings describes; None without one."""
        section = getattr(target.environment, target.cloud)
        cluster = section if isinstance(section, ClusterSettings) else getattr(section, "kubernetes", None)
        if not isinstance(cluster, ClusterSettings):
            return None
        prices = cluster.prices
        return cls(
            currency=target.environment.budget.currency,
            cpu_hour=_exact(prices.cpu_hour),
            gb_hour=_exact(prices.gb_hour),
            gpu_hour=_exact(prices.gpu_hour),
            cpu=_exact(cluster.defaults.cpu),
            accelerator=cluster.accelerator,
        )

    @classmethod
    def carried_by(cls, extra: Mapping[str, Any]) -> PodPrices | None:
        """Return the prices that a run carries in its pipeline's ``extra`` configuration; None where it has none."""
        carried = extra.get(KEY)
        return None if carried is None else cls.model_validate(carried)


@dataclass(frozen=True)
class Pod:
    """What one step's pod asks for, and for how long."""

    cpu: Decimal
    memory_bytes: Decimal
    accelerators: Decimal
    seconds: float
    prices: PodPrices

    @classmethod
    def of(cls, settings: Any, measured: Measured, prices: PodPrices) -> Pod:
        """Read what a step asks for in ZenML's ``settings`` of its orchestrator, the stack's own among them.

        Raises:
            ValueError: a quantity is none that Kubernetes knows.
        """
        from kubernetes.utils.quantity import parse_quantity

        asked = ((settings.pod_settings and settings.pod_settings.resources) or {}).get("requests", {})
        return cls(
            cpu=parse_quantity(asked.get("cpu", prices.cpu)),
            memory_bytes=parse_quantity(asked.get("memory", _ZENML_MEMORY)),
            accelerators=parse_quantity(asked.get(prices.accelerator, 0)),
            seconds=measured.process_seconds,
            prices=prices,
        )

    @property
    def cost(self) -> Money:
        """What it costs, unrounded."""
        an_hour = (
            self.cpu * self.prices.cpu_hour
            + self.memory_bytes / _GIB * self.prices.gb_hour
            + self.accelerators * self.prices.gpu_hour
        )
        return Money(an_hour * _exact(self.seconds) / _HOUR_SECONDS, self.prices.currency)

    @property
    def resources(self) -> dict[str, float | str]:
        """What it asks for, as the log takes it."""
        found = {"cpu_count": float(self.cpu), "gpu_count": float(self.accelerators)}
        return {**{name: value for name, value in found.items() if value}, "memory": f"{self.memory_bytes:f}B"}


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))
