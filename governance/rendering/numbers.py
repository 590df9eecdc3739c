"""Numbers, times and digests as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

MISSING = "not measured"
"""What stands where a number would, when there is none."""


NO_CHANGE = "no change"
"""What stands for a difference that rounds to none."""


def number(value: float | None, digits: int = 3) -> str:
    """Return ``value`` with ``digits`` decimals; :data:`MISSING` when it is None or not a number."""
    if value is None or math.isnan(value):
        return MISSING
    return f"{value:.{digits}f}"


def beside(value: float | None, threshold: float) -> str:
    """Return ``value`` with as many decimals (three to eight) as show on which side of ``threshold`` it lies."""
    if value is None or math.isnan(value):
        return MISSING
    digits = 3
    while digits < 8 and value != threshold and round(value, digits) == round(threshold, digits):
        digits += 1
    return f"{value:.{digits}f}"


def difference(value: float, earlier: float) -> str:
    """Return ``value - earlier`` with its sign, three decimals; :data:`NO_CHANGE` when it rounds to none."""
    change = value - earlier
    if math.isnan(change):
        return MISSING
    return NO_CHANGE if round(change, 3) == 0 else f"{change:+.3f}".replace("-", "\N{MINUS SIGN}")


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal; not rounded to all or nothing when it is neither."""
    if math.isnan(share):
        return MISSING
    if 0 < share < 0.0005:
        return "< 0.1%"
    if 0.9995 <= share < 1:
        return "> 99.9%"
    return f"{share * 100:.1f}%"


def count(whole: int) -> str:
    """Return a whole number with thin spaces between thousands."""
    return f"{whole:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def utc(time: datetime) -> str:
    """Return date and minute in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def duration(length: timedelta | None) -> str:
    """Return a duration, given in seconds, in its two largest units."""
    if length is None:
        return "unknown"
    seconds = length.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def short(digest: str) -> str:
    """Return the first twelve characters of a digest or id."""
    return digest[:12]
