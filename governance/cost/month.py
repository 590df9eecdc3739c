"""A billing month: which moments and days belong to it, in the time zone that bills are cut in."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from governance.core.errors import RefusedError

BILLING_ZONE: tzinfo = UTC
"""Months and days are cut in UTC, as AWS and Azure cut their bills. (Google cuts in US Pacific time; its export's
timestamps are cut in UTC here, so a day at the month's edge can differ from the invoice.)"""

_MONTH = re.compile(r"^(\d{4})-(0[1-9]|1[0-2])$")


class NoMonthError(RefusedError):
    """What was given is no month."""


@dataclass(frozen=True, order=True)
class Month:
    """One calendar month of the billing zone."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """Parse a month such as ``2026-11``.

        Raises:
            NoMonthError: it is not spelt so.
        """
        found = _MONTH.match(text)
        if found is None:
            raise NoMonthError(f"MONTH={text} is no month; write it as 2026-11.")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, moment: datetime, zone: tzinfo = BILLING_ZONE) -> Month:
        """Return the month that ``moment`` (with a time zone) falls into."""
        local = moment.astimezone(zone)
        return cls(local.year, local.month)

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        """Its last day."""
        return date(self.year, self.number, calendar.monthrange(self.year, self.number)[1])

    @property
    def days(self) -> tuple[date, ...]:
        """Every day of it."""
        return tuple(self._days())

    @property
    def after(self) -> Month:
        """The month that follows."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def before(self) -> Month:
        """The month that precedes."""
        return Month(self.year, self.number - 1) if self.number > 1 else Month(self.year - 1, 12)

    def begin(self, zone: tzinfo = BILLING_ZONE) -> datetime:
        """Return the month's first moment."""
        return datetime(self.year, self.number, 1, tzinfo=zone)

    def end(self, zone: tzinfo = BILLING_ZONE) -> datetime:
        """Return the first moment after the month."""
        return self.after.begin(zone)

    def holds(self, moment: datetime, zone: tzinfo = BILLING_ZONE) -> bool:
        """Return whether ``moment`` (with a time zone) belongs to the month."""
        return Month.of(moment, zone) == self

    def _days(self) -> Iterator[date]:
        day = self.first
        while day <= self.last:
            yield day
            day += timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


def day_of(moment: datetime, zone: tzinfo = BILLING_ZONE) -> date:
    """Return the day of the billing zone that ``moment`` (with a time zone) falls on."""
    return moment.astimezone(zone).date()
