"""This machine as a cloud: nobody sends a bill."""

from __future__ import annotations

from environments import Environment
from governance.cost.clouds import CostCloud


class LocalCost(CostCloud):
    """What runs used, at the prices of the price book."""

    def bill(self, environment: Environment) -> None:
        """See :meth:`CostCloud.bill`."""


ADAPTER = LocalCost()
