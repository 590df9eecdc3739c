"""What a plan will cost a month, by the price book and stated assumptions. Loads nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from environments import PLATFORM, Cloud, Environment
from environments.strict import StrictModel
from governance.cost.assumptions import Assumptions
from governance.cost.money import CurrencyMismatchError
from governance.cost.plan_states import PlannedResource, planned_resources
from governance.cost.prices import Price, PriceBook, stale_warnings
from governance.cost.resources import Billed, Free, Unknown, judge

NOTHING = Decimal(0)

State = Literal["priced", "partly", "unknown", "free", "absent"]
"""``partly``: some of what it is billed for has no price, so the amount is a lower bound."""


class Part(StrictModel):
    """One thing that a resource is billed for."""

    item: str
    quantity: Decimal
    unit: str
    price: Decimal
    monthly: Decimal


class Line(StrictModel):
    """One resource of the plan."""

    address: str
    kind: str
    team: str
    state: State
    reason: str = ""
    """Why it is free, or what of it is unknown."""
    parts: tuple[Part, ...] = ()
    now: Decimal
    """A month of it as it is; 0 where it does not exist."""
    planned: Decimal
    """A month of it once the plan is applied; 0 where it will be gone."""

    @property
    def difference(self) -> Decimal:
        """What the plan changes."""
        return self.planned - self.now


class TeamCost(StrictModel):
    """A team's share of the plan."""

    team: str
    now: Decimal
    planned: Decimal
    unknown: int
    """Resources of the team whose cost is not, or only partly, known."""

    @property
    def difference(self) -> Decimal:
        """What the plan changes."""
        return self.planned - self.now


class Estimate(StrictModel):
    """What an environment costs a month now, and what it will."""

    environment: str
    cloud: Cloud
    region: str | None
    currency: str
    source: Literal["price book", "infracost"]
    simulated: bool = False
    lines: tuple[Line, ...]
    assumptions: dict[str, Decimal] = Field(default={})
    warnings: tuple[str, ...] = ()

    @property
    def teams(self) -> tuple[TeamCost, ...]:
        """Sums by team, the platform first."""
        names = sorted({line.team for line in self.lines}, key=lambda name: (name != PLATFORM, name))
        found = []
        for name in names:
            own = [line for line in self.lines if line.team == name]
            found.append(
                TeamCost(
                    team=name,
                    now=sum((line.now for line in own), NOTHING),
                    planned=sum((line.planned for line in own), NOTHING),
                    unknown=sum(line.state in ("unknown", "partly") for line in own),
                )
            )
        return tuple(found)

    @property
    def now(self) -> Decimal:
        """A month as it is."""
        return sum((line.now for line in self.lines), NOTHING)

    @property
    def planned(self) -> Decimal:
        """A month once the plan is applied."""
        return sum((line.planned for line in self.lines), NOTHING)

    @property
    def difference(self) -> Decimal:
        """What the plan changes."""
        return self.planned - self.now

    def of_state(self, *states: State) -> list[Line]:
        """Return the lines in one of ``states``."""
        return [line for line in self.lines if line.state in states]


def region_of(environment: Environment, cloud: Cloud) -> str | None:
    """Return the region that ``environment`` uses on ``cloud``; None on this machine."""
    section = getattr(environment, cloud)
    return getattr(section, "region", None) or getattr(section, "location", None)


def estimate_plan(
    plan: Mapping[str, Any],
    environment: Environment,
    cloud: Cloud,
    teams: Sequence[str],
    book: PriceBook,
    assumptions: Assumptions,
    today: date,
) -> Estimate:
    """Estimate the cost of a plan of ``terraform show -json``.

    Raises:
        CurrencyMismatchError: prices that would be added are in different currencies.
    """
    pricing = _Pricing(book, cloud, region_of(environment, cloud), assumptions.of(environment.environment))
    lines = tuple(pricing.line(resource) for resource in planned_resources(plan, teams))
    currencies = {price.currency for price in pricing.used}
    if len(currencies) > 1:
        raise CurrencyMismatchError(
            f"The prices for {environment.environment} on {cloud} are in {' and '.join(sorted(currencies))}, which "
            "are never added. Give governance/cost/prices.yaml one currency per cloud."
        )
    return Estimate(
        environment=environment.environment,
        cloud=cloud,
        region=pricing.region,
        currency=currencies.pop() if currencies else environment.budget.currency,
        source="price book",
        lines=lines,
        assumptions={name: pricing.quantities[name] for name in sorted(pricing.assumed)},
        warnings=tuple(stale_warnings(book, today, sorted(pricing.used, key=lambda price: price.where))),
    )


class _Pricing:
    """Prices resources one by one and keeps note of the prices and assumptions that it used."""

    def __init__(self, book: PriceBook, cloud: Cloud, region: str | None, quantities: Mapping[str, Decimal]) -> None:
        self._book, self._cloud, self.region, self.quantities = book, cloud, region, quantities
        self.used: set[Price] = set()
        self.assumed: set[str] = set()

    def line(self, resource: PlannedResource) -> Line:
        now, *_ = self._judge(resource.kind, resource.before)
        planned, parts, state, reason = self._judge(resource.kind, resource.after)
        if state == "absent":
            _, parts, state, reason = self._judge(resource.kind, resource.before)
        return Line(
            address=resource.address,
            kind=resource.kind,
            team=resource.team,
            state=state,
            reason=reason,
            parts=parts,
            now=now,
            planned=planned,
        )

    def _judge(self, kind: str, values: Mapping[str, Any] | None) -> tuple[Decimal, tuple[Part, ...], State, str]:
        if values is None:
            return NOTHING, (), "absent", ""
        verdict = judge(kind, values)
        if isinstance(verdict, Free):
            return NOTHING, (), "free", verdict.reason
        if isinstance(verdict, Unknown):
            return NOTHING, (), "unknown", verdict.reason
        parts, missing = [], []
        for billed in verdict:
            part = self._part(billed)
            if part is None:
                missing.append(billed.item)
            else:
                parts.append(part)
        state: State = "priced" if not missing else "partly" if parts else "unknown"
        reason = f"no price of {', '.join(missing)} in {self.region or self._cloud}" if missing else ""
        return sum((part.monthly for part in parts), NOTHING), tuple(parts), state, reason

    def _part(self, billed: Billed) -> Part | None:
        price = self._book.find(self._cloud, self.region, billed.item)
        if price is None:
            return None
        self.used.add(price)
        quantity = Decimal(billed.factor)
        if billed.usage is not None:
            self.assumed.add(billed.usage)
            quantity *= self.quantities[billed.usage]
        return Part(
            item=billed.item,
            quantity=quantity,
            unit=price.unit,
            price=price.amount,
            monthly=quantity * price.amount,
        )
