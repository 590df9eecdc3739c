"""What was spent, as every provider reports it, and the one small interface that providers have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Protocol

from pydantic import Field

from environments.strict import StrictModel
from governance.core.errors import RefusedError
from governance.cost.month import Month

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Spend(StrictModel):
    """An amount of one day, with as much as is known of whom it is for."""

    day: date
    """In the billing zone."""
    amount: Decimal
    currency: Currency
    team: str | None = None
    """``None``: nobody's in particular, so it is shared."""
    pipeline: str | None = None
    model: str | None = None
    run: str | None = None


class MonthOfSpend(StrictModel):
    """A month of one environment's spend, and what is not known of it."""

    month: str
    spend: tuple[Spend, ...]
    unmeasured_runs: tuple[str, ...] = ()
    """Runs of the month whose cost is not, or only partly, known."""
    teams_of_unmeasured: dict[str, int] = Field(default={})
    """How many of these each team has."""


class SpendError(RefusedError):
    """A provider did not answer, or not in its format; the message says what to check."""


class SpendProvider(Protocol):
    """Where spend is looked up."""

    @property
    def name(self) -> str:
        """What it is, for messages and cache keys: what the answer depends on besides the month."""

    def spend(self, month: Month) -> MonthOfSpend:
        """Return all spend of one environment in ``month``.

        Raises:
            SpendError: the provider did not answer, or not in its format.
        """


def currencies(spend: Sequence[Spend]) -> list[str]:
    """Return the currencies that occur."""
    return sorted({item.currency for item in spend})
