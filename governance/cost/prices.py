"""The price book: ``prices.yaml`` beside this file, read and checked."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from environments import Cloud
from environments.files import sha256_hex
from environments.strict import StrictModel
from governance.core.errors import RefusedError

FILE = Path(__file__).resolve().parent / "prices.yaml"
ANYWHERE = "*"
"""Stands for every region of a cloud."""

Unit = Literal["GB-month", "GB", "thousand", "month", "hour", "GB-hour"]
Item = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[./-][a-z0-9]+)*$")]


class PriceBookError(RefusedError):
    """The price book cannot be used; the message says which line and why."""


class Price(StrictModel):
    """What one unit of something costs, who says so, and when."""

    cloud: Cloud
    region: Annotated[str, Field(pattern=r"^(\*|[a-z]+(-[a-z0-9]+)*)$")]
    item: Item
    unit: Unit
    amount: Annotated[Decimal, Field(gt=0)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    source: Annotated[str, Field(pattern=r"^https://")]
    as_of: date
    note: str = ""

    @field_validator("amount", mode="before")
    @classmethod
    def _exact(cls, value: object) -> object:
        if isinstance(value, float):
            raise ValueError(f'write the amount in quotes: "{value}"; a bare number is rounded to binary')
        return value

    @property
    def where(self) -> str:
        """``aws eu-central-1 kms-key``, for messages."""
        return f"{self.cloud} {self.region} {self.item}"


class PriceBook(StrictModel):
    """Every price that is known. What is not in it is unknown, never free."""

    max_age_days: Annotated[int, Field(ge=1)]
    prices: tuple[Price, ...]
    digest: str = Field(default="", exclude=True, description="SHA-256 of the file, in hexadecimal.")

    @model_validator(mode="after")
    def _one_price_each(self) -> PriceBook:
        seen: set[tuple[str, str, str]] = set()
        for price in self.prices:
            key = (price.cloud, price.region, price.item)
            if key in seen:
                raise ValueError(f"{price.where} has two prices")
            seen.add(key)
        return self

    @functools.cached_property
    def _index(self) -> dict[tuple[str, str, str], Price]:
        return {(price.cloud, price.region, price.item): price for price in self.prices}

    def find(self, cloud: str, region: str | None, item: str) -> Price | None:
        """Return the price of ``item`` in ``region``, or everywhere on that cloud; None when it is not known."""
        return self._index.get((cloud, region or ANYWHERE, item)) or self._index.get((cloud, ANYWHERE, item))

    def stale(self, today: date, used: Iterable[Price] | None = None) -> list[Price]:
        """Return those of the ``used`` prices (default: all) that are older than ``max_age_days``."""
        chosen = self.prices if used is None else used
        return [price for price in chosen if (today - price.as_of).days > self.max_age_days]


@functools.cache
def load_prices(file: Path = FILE) -> PriceBook:
    """Read the price book in ``file``.

    Raises:
        PriceBookError: the file is missing, no YAML, or breaks the model.
    """
    try:
        text = file.read_bytes()
        book = PriceBook.model_validate(yaml.safe_load(text))
    except (OSError, yaml.YAMLError) as error:
        raise PriceBookError(f"{file}: {error}") from error
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        raise PriceBookError(f"{file}:\n" + "\n".join(lines)) from error
    return book.model_copy(update={"digest": sha256_hex(text)})


def stale_warnings(book: PriceBook, today: date, used: Iterable[Price] | None = None) -> list[str]:
    """Return one sentence per price that should be looked up anew."""
    return [
        f"The price of {price.where} is of {price.as_of}, more than {book.max_age_days} days ago; look it up at "
        f"{price.source} and correct governance/cost/prices.yaml."
        for price in book.stale(today, used)
    ]
