"""Numbers as people read them: never a digit that misleads."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.rendering import numbers

SHARES = st.floats(min_value=0, max_value=1)


@given(threshold=SHARES, apart=st.floats(min_value=-0.002, max_value=0.002) | st.floats(min_value=-1, max_value=1))
def test_a_shown_value_lies_on_the_side_of_its_threshold_where_it_is(threshold: float, apart: float) -> None:
    value = threshold + apart
    shown = float(numbers.beside(value, threshold))
    assert abs(shown - value) <= 0.0005
    if abs(value - threshold) > 1e-7:
        assert (shown > threshold) == (value > threshold)
        assert (shown < threshold) == (value < threshold)


@given(share=SHARES)
def test_a_share_is_shown_as_none_or_all_only_when_it_is(share: float) -> None:
    shown = numbers.percent(share)
    assert (shown == "0.0%") == (share == 0)
    assert (shown == "100.0%") == (share == 1)


@pytest.mark.parametrize("value", [None, math.nan])
def test_no_number_is_said_in_words(value: float | None) -> None:
    assert numbers.number(value) == numbers.beside(value, 0.5) == numbers.MISSING
    assert numbers.percent(math.nan) == numbers.difference(math.nan, 1.0) == numbers.MISSING


def test_differences_carry_their_sign() -> None:
    assert numbers.difference(0.5, 0.25) == "+0.250"
    assert numbers.difference(0.25, 0.5) == "\N{MINUS SIGN}0.250"
    assert numbers.difference(0.5, 0.4996) == numbers.NO_CHANGE


def test_times_are_in_utc() -> None:
    there = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert numbers.utc(there) == "2025-12-31 23:30 UTC"
    assert numbers.utc(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01 00:00 UTC"


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (None, "unknown"),
        (timedelta(seconds=1.25), "1.2 s"),
        (timedelta(seconds=61), "1 min 1 s"),
        (timedelta(hours=2, minutes=5, seconds=59), "2 h 5 min"),
    ],
)
def test_durations(length: timedelta | None, shown: str) -> None:
    assert numbers.duration(length) == shown
