"""Pieces come in order, at most one ahead, and what making them raises is not lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from pipelines.prefetch import prefetch


def test_items_come_in_order_and_at_most_one_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            made.append(number)
            yield number

    for number, item in enumerate(prefetch(items())):
        assert item == number
        assert len(made) <= number + 2
    assert made == list(range(20))
    assert list(prefetch([])) == []


def test_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("damaged")

    pieces = prefetch(items())
    assert next(pieces) == 1
    with pytest.raises(ValueError, match="damaged"):
        next(pieces)


def test_one_who_stops_early_leaves_no_thread_at_work() -> None:
    closed: list[bool] = []

    def items() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.append(True)

    source = items()
    with closing(prefetch(source)) as pieces:
        assert next(pieces) == 0
    source.close()  # would raise if a thread were inside it
    assert closed == [True]
