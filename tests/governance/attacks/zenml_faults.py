"""Lets ZenML's store fail at the n-th call, before or after it had its effect, each time from the same state."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from zenml.client import Client
from zenml.zen_stores.sql_zen_store import SqlZenStore
from zenml.zen_stores.zen_store_interface import ZenStoreInterface

from governance.audit import AuditLog
from tests.governance.conftest import Ground

Point = tuple[int, bool]
"""The number of a call, and whether it has its effect before it fails."""


class Snapshot:
    """Everything that commands keep, log, stores and ZenML, as it is when this is made."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self._copies = {ground.settings.parent / "ground": folder / "ground", _database(): folder / "zenml.db"}
        folder.mkdir()
        for original, copy in self._copies.items():
            _copy(original, copy)

    def restore(self) -> None:
        """Bring it back."""
        store = Client().zen_store
        assert isinstance(store, SqlZenStore)
        store.engine.dispose()
        for original, copy in self._copies.items():
            if original.is_dir():
                shutil.rmtree(original)
            _copy(copy, original)


def points(begin: Callable[[], object], act: Callable[[], object]) -> list[Point]:
    """Do ``act`` from where ``begin`` leads, and return the points at which it is to fail.

    Each write fails before and after its effect. Of the reads between two effects, on ZenML or on the log, the last one
    fails: whichever does, it finds and leaves the same. ALL_FAULTS=1 tries every one.
    """
    begin()
    act()  # once unwatched, as ZenML's client keeps some of what it asked for
    begin()
    with _watched() as calls:
        act()
    chosen: list[Point] = []
    of_gap = dict[int, list[int]]()
    for number, (name, effect) in enumerate(calls):
        if name.startswith(("get_", "list_")):
            of_gap.setdefault(effect, []).append(number)
        else:
            chosen += [(number, False), (number, True)]
    reads = [gap if os.environ.get("ALL_FAULTS") else gap[-1:] for gap in of_gap.values()]
    assert calls, "nothing was asked of ZenML, so nothing could fail"
    return sorted({*chosen, *((number, False) for gap in reads for number in gap)})


@contextmanager
def failing(point: Point) -> Iterator[None]:
    """Let ZenML's store fail at ``point``, as one does that went away, and expect it to be told."""
    with _watched(point) as calls:
        try:
            yield
        except requests.ConnectionError:
            return
    raise AssertionError(f"{point} of {calls} was not told")


@contextmanager
def _watched(point: Point | None = None) -> Iterator[list[tuple[str, int]]]:
    calls: list[tuple[str, int]] = []
    inside, effects = [0], [0]

    def watch(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def watched(*given: Any, **named: Any) -> Any:
            if inside[0]:  # a call of the store's to itself
                return call(*given, **named)
            number = len(calls)
            calls.append((name, effects[0]))
            effects[0] += not name.startswith(("get_", "list_"))
            if point == (number, False):
                raise requests.ConnectionError("the store went away")
            inside[0] += 1
            try:
                answer = call(*given, **named)
            finally:
                inside[0] -= 1
            if point == (number, True):
                raise requests.ConnectionError("the store went away")
            return answer

        return watched

    def append_many(log: AuditLog, events: Any, _append: Any = AuditLog.append_many) -> Any:
        effects[0] += 1
        return _append(log, events)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AuditLog, "append_many", append_many)
        for name in ZenStoreInterface.__abstractmethods__:
            patch.setattr(SqlZenStore, name, watch(name, getattr(SqlZenStore, name)))
        yield calls


def _database() -> Path:
    return next(Path(os.environ["ZENML_CONFIG_PATH"]).rglob("zenml.db"))


def _copy(original: Path, copy: Path) -> None:
    shutil.copytree(original, copy, symlinks=True) if original.is_dir() else shutil.copy(original, copy)
