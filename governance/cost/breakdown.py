"""The same money by team, by pipeline, by model and by run: every breakdown adds up to the same total.

Spend that is nobody's, or the platform's, is shared. It is split among the teams of the environment in proportion to
what each spent directly in the month; equally where no team spent anything. The split is exact to the last decimal
(largest remainders). Currencies are kept apart throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from environments import PLATFORM
from governance.cost.money import divide
from governance.cost.spend import Spend

NOTHING = Decimal(0)
OTHER = "(no run)"
"""What stands for the pipeline, model or run of spend that belongs to none, such as storage."""


@dataclass(frozen=True)
class TeamShare:
    """What a team spent and what it bears of the shared cost."""

    team: str
    direct: Decimal
    shared: Decimal

    @property
    def total(self) -> Decimal:
        """Direct and shared cost together."""
        return self.direct + self.shared

    @property
    def charged(self) -> Decimal:
        """What counts against the team's budget."""
        return charged(self.direct, self.shared)


@dataclass(frozen=True)
class Row:
    """One pipeline, model or run."""

    name: str
    team: str
    amount: Decimal


def charged(direct: Decimal, shared: Decimal) -> Decimal:
    """Return what counts against a budget: a credit that is shared pays shared cost, never what a team itself spent."""
    return direct + max(shared, NOTHING)


def total(spend: Iterable[Spend]) -> Decimal:
    """Sum spend in one currency.

    Raises:
        ValueError: there are several currencies.
    """
    found = list(spend)
    if len({item.currency for item in found}) > 1:
        raise ValueError("amounts in different currencies are never added")
    return sum((item.amount for item in found), NOTHING)


def by_team(spend: Sequence[Spend], teams: Sequence[str]) -> list[TeamShare]:
    """Return what each of ``teams``, and any other that spent, bears; without any, the platform bears shared cost."""
    direct = dict.fromkeys(teams, NOTHING)
    shared = NOTHING
    for item in spend:
        if item.team is None or item.team == PLATFORM:
            shared += item.amount
        else:
            direct[item.team] = direct.get(item.team, NOTHING) + item.amount
    total(spend)
    if not direct:
        return [TeamShare(PLATFORM, shared, NOTHING)] if spend else []
    parts = divide(shared, direct) if shared else dict.fromkeys(direct, NOTHING)
    return [TeamShare(team, direct[team], parts[team]) for team in sorted(direct)]


def by_pipeline(spend: Sequence[Spend]) -> list[Row]:
    """Return direct spend by pipeline and team, largest first; what belongs to none in rows of its own."""
    return _rows(spend, lambda item: item.pipeline)


def by_model(spend: Sequence[Spend]) -> list[Row]:
    """Return direct spend by model and team, largest first."""
    return _rows(spend, lambda item: item.model)


def by_run(spend: Sequence[Spend]) -> list[Row]:
    """Return direct spend by run, largest first."""
    return _rows(spend, lambda item: item.run)


def _rows(spend: Sequence[Spend], key: Callable[[Spend], str | None]) -> list[Row]:
    total(spend)
    sums: dict[tuple[str, str], Decimal] = {}
    for item in spend:
        group = (key(item) or OTHER, item.team or PLATFORM)
        sums[group] = sums.get(group, NOTHING) + item.amount
    rows = [Row(name, team, amount) for (name, team), amount in sums.items()]
    return sorted(rows, key=lambda row: (-row.amount, row.name, row.team))
