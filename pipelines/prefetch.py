"""Preparing the next piece of data while the last one is worked on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")


def prefetch(items: Iterable[_Item]) -> Iterator[_Item]:
    """Yield ``items`` in their order, of which the next is made in a thread meanwhile; what it raises is raised here.

    Arrow and hashing let go of Python's lock. At most one item is waiting, so memory is bounded.
    """
    iterator, end = iter(items), object()
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as thread:
        upcoming = thread.submit(next, iterator, end)
        while (item := upcoming.result()) is not end:
            upcoming = thread.submit(next, iterator, end)
            yield item  # type: ignore[misc]  # it is no end
