"""Many processes write one log."""

from __future__ import annotations

import os

import pytest

from tests.governance.audit.conftest import Place, event

PROCESSES = 8
EVENTS = 500


def _write(place: Place, writer: int) -> None:
    log = place.open()
    receipts = [log.append(event(number, pipeline=f"writer-{writer}")) for number in range(EVENTS)]
    sequences = [receipt.sequence for receipt in receipts]
    assert sequences == sorted(set(sequences))
    assert all(receipt.size > receipt.sequence for receipt in receipts)


@pytest.mark.slow
def test_eight_processes_append_500_events_each_without_a_gap(quick_place: Place) -> None:
    place = quick_place
    place.open()
    children = []
    for writer in range(PROCESSES):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                _write(place, writer)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * PROCESSES

    written = [(entry.event.pipeline, entry.event.run) for entry in place.open().entries()]
    assert len(written) == PROCESSES * EVENTS
    for writer in range(PROCESSES):
        runs = [run for pipeline, run in written if pipeline == f"writer-{writer}"]
        assert runs == [f"run-{number}" for number in range(EVENTS)]
    report = place.verify()
    assert (report["ok"], report["entries"], report["anchored"]) == (True, 4000, 4000)
