"""An own cluster: nobody sends a bill, and its pods carry the labels of whoever runs them."""

from __future__ import annotations

from environments import Environment
from governance.cost.clouds import CostCloud


class ClusterCost(CostCloud):
    """What runs used, at the platform's own prices."""

    orchestrator = "kubernetes"

    def bill(self, environment: Environment) -> None:
        """See :meth:`CostCloud.bill`."""


ADAPTER = ClusterCost()
