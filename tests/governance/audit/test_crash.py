"""Killed at any moment, a writer loses nothing that it acknowledged, and the next one goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.governance.audit.conftest import Place, event

KILLED_AT = ("write", "fsync", "link", "unlink", "mkdir")
"""System calls that change something, or make it last."""


def _append_until_killed(place: Place, acknowledged: int, fatal: int) -> None:
    """In a child process: append, report each receipt on the descriptor, die before the call number ``fatal``."""
    calls = 0

    def deadly(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        return call

    log = place.open()
    report = os.write
    for name in KILLED_AT:
        setattr(os, name, deadly(getattr(os, name)))
    for number in range(2):
        log.append(event(number))
        report(acknowledged, bytes([number]))
    log.append_many([event(2), event(3), event(4)])
    report(acknowledged, bytes([2, 3, 4]))


def _run_child(place: Place, fatal: int) -> tuple[bytes, bool]:
    """What the child acknowledged, and whether it lived to the end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            _append_until_killed(place, writing, fatal)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        acknowledged = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return acknowledged, not os.WIFSIGNALED(status)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_wherever_the_writer_is_killed(quick_place: Place) -> None:
    fatal, finished = 0, False
    while not finished:
        fatal += 1
        place = Place(quick_place.root / str(fatal))
        place.open()
        acknowledged, finished = _run_child(place, fatal)

        before = place.verify()
        assert before["ok"], (fatal, before)
        runs = [entry.event.run for entry in place.open().entries()]
        assert runs[: len(acknowledged)] == [f"run-{number}" for number in acknowledged], fatal
        assert runs == [f"run-{number}" for number in range(len(runs))], fatal

        receipt = place.open().append(event(99))
        assert receipt.sequence == len(runs)
        after = place.verify()
        assert (after["ok"], after["entries"], after["notes"]) == (True, len(runs) + 1, []), fatal
    assert fatal > 60, "the kills reached every step of an append"
