"""Exact amounts of money: decimal, of one currency, and divided without losing or inventing a unit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from governance.core.errors import RefusedError

CENT = Decimal("0.01")


class CurrencyMismatchError(RefusedError):
    """Amounts of different currencies were to be added or compared."""


@dataclass(frozen=True)
class Money:
    """An amount in one currency (ISO 4217 code)."""

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise CurrencyMismatchError(
                f"{self} and {other} are different currencies and are never added; report them apart, or convert one "
                "by a rate that you can name."
            )
        return Money(self.amount + other.amount, self.currency)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


def totals(amounts: Iterable[Money]) -> dict[str, Decimal]:
    """Sum the amounts of each currency, by its code."""
    sums: dict[str, Decimal] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, Decimal(0)) + amount.amount
    return dict(sorted(sums.items()))


def divide(
    amount: Decimal, weights: Mapping[str, Decimal], finest: Decimal = Decimal("0.000001")
) -> dict[str, Decimal]:
    """Divide ``amount`` in proportion to ``weights``, exactly: the parts add up to it.

    Parts are multiples of ``finest`` (or of the amount's own last digit, where that is finer); what rounding leaves
    goes to the largest remainders, ties to the first name (Hamilton's method). Weights below zero count as none, and
    where no weight is above zero the parts are equal.

    Raises:
        ValueError: there is nobody to divide among.
    """
    if not weights:
        raise ValueError("there is nobody to divide among")
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int), "NaN and infinities are no amounts"
    unit = min(finest, Decimal(1).scaleb(exponent))
    counted = {name: max(weight, Decimal(0)) for name, weight in weights.items()}
    if not any(counted.values()):
        counted = dict.fromkeys(counted, Decimal(1))
    names = sorted(counted)
    shares = _hamilton(int(abs(amount) / unit), [counted[name].as_integer_ratio() for name in names])
    sign = -1 if amount < 0 else 1
    return {name: sign * share * unit for name, share in zip(names, shares, strict=True)}


def cents(amount: Decimal) -> str:
    """Return ``amount`` for people: two decimals, or on which side of nothing it is, within a cent."""
    if amount == 0 or abs(amount) >= CENT:
        return f"{amount.quantize(CENT):,}"
    return f"under {CENT}" if amount > 0 else f"above -{CENT}"


def _hamilton(units: int, weights: Sequence[tuple[int, int]]) -> list[int]:
    denominator = math.lcm(*(below for _, below in weights))
    scaled = [above * (denominator // below) for above, below in weights]
    whole = sum(scaled)
    floors = [units * weight // whole for weight in scaled]
    order = sorted(range(len(scaled)), key=lambda i: (-(units * scaled[i] % whole), i))
    for position in order[: units - sum(floors)]:
        floors[position] += 1
    return floors
