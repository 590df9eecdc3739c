"""A stack with an experiment tracker is tracked there, or told that it cannot be."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from governance.runs import trackers
from governance.runs.trackers import TRACKERS, Tracker, TrackerError, log_failure, log_run, missing_traces, trace_of
from stack_bootstrap.registration import TRACKER_FLAVORS
from tests.conftest import REPOSITORY


def run(**metadata: str) -> Any:
    return SimpleNamespace(name="r1", run_metadata=metadata)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The active stack."""
    active = SimpleNamespace(experiment_tracker=None)
    monkeypatch.setattr(trackers, "Client", lambda: SimpleNamespace(active_stack=active))
    return active


def test_registration_takes_the_trackers_that_have_an_adapter_and_no_other() -> None:
    assert set(TRACKERS) == TRACKER_FLAVORS


@pytest.mark.parametrize("flavor", TRACKERS)
def test_every_tracker_leaves_a_trace_of_its_own(flavor: str) -> None:
    adapter = TRACKERS[flavor]
    assert isinstance(adapter, Tracker)
    assert [name for name, other in TRACKERS.items() if other.metadata_key == adapter.metadata_key] == [flavor]
    assert trace_of(run(**{adapter.metadata_key: "7"})) == (adapter.title, "7")
    assert missing_traces(run(**{adapter.metadata_key: "7"}), [flavor]) == []
    assert missing_traces(run(), [flavor]) == [adapter.metadata_key]


def test_a_tracker_without_an_adapter_is_named_by_its_hooks_and_after_the_run(stack: SimpleNamespace) -> None:
    stack.experiment_tracker = SimpleNamespace(name="vertex-dev", flavor="vertex")
    for observer in (log_run, log_failure):
        with pytest.raises(TrackerError, match=r"vertex-dev is of the flavor 'vertex'.*r1 is tracked nowhere"):
            observer(run(), None)  # type: ignore[arg-type]
    assert missing_traces(run(), ["vertex"]) == ["vertex"]


def test_a_stack_without_a_tracker_misses_nothing(stack: SimpleNamespace) -> None:
    log_run(run(), None)  # type: ignore[arg-type]
    assert (missing_traces(run(), []), trace_of(run())) == ([], None)


def test_no_module_outside_its_adapter_names_a_tracker() -> None:
    found = [
        file.relative_to(REPOSITORY).as_posix()
        for file in (REPOSITORY / "governance").rglob("*.py")
        if file.parent.name != "trackers" and any(flavor in file.read_text().lower() for flavor in TRACKERS)
    ]
    assert found == []
