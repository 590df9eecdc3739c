"""The benchmark prints each figure beside its goal, and fails for one only where it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import benchmarks
from tests.benchmarks import Figure, audit
from tests.benchmarks.__main__ import main


def test_there_is_one_for_each_goal_that_design_and_issues_name() -> None:
    assert set(benchmarks.benchmarks()) == {
        "audit", "backups", "cluster", "plan", "rows", "run", "scoring", "server", "teams",
    }  # fmt: skip


@pytest.mark.parametrize(("strict", "status"), [("", 0), ("1", 1)])
def test_a_missed_goal_is_shown_and_is_an_error_only_if_strict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], strict: str, status: int
) -> None:
    def measure(_folder: Path, seconds: float = 12.5) -> Iterator[Figure]:
        yield Figure("slow", seconds, "s", goal=10, baseline=9)
        yield Figure("fast", 3, "events/s", goal=2, at_least=True)

    monkeypatch.setattr("tests.benchmarks.__main__.benchmarks", lambda: {"made up": measure})
    monkeypatch.setenv("STRICT", strict)
    assert main([]) == status
    lines = {line.split()[0]: " ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    assert lines["slow"] == "slow 12.5 s at most 10 (missed) 9"
    assert lines["fast"] == "fast 3 events/s at least 2"
    assert main(["made up=10"]) == 0
    assert "slow 10 s at most 10 9" in " ".join(capsys.readouterr().out.split())
    assert main(["made up=ten"]) == 2
    assert "'ten' is no number" in capsys.readouterr().err
    assert main(["another"]) == 2
    assert "choose from made up" in capsys.readouterr().err


def test_the_figures_of_the_log_are_of_logs_that_verify(tmp_path: Path) -> None:
    names = [figure.name for figure in audit.measure(tmp_path, events=60, batch=20, singles=3)]
    assert names == ["audit: appended in batches", "audit: append of one event", "audit: verified"]
