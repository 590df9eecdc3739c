"""The benchmark measures real logs and prints its figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governance.audit.benchmark import main, measure


def test_the_figures_are_of_logs_that_verify(tmp_path: Path) -> None:
    figures = measure(tmp_path, events=60, batch=20, singles=3)
    assert (figures.events, figures.batch) == (60, 20)
    assert figures.verified_per_core_second > figures.batch_appends_per_core_second > 100
    assert figures.single_append_milliseconds > 0


@pytest.mark.parametrize("as_json", [False, True])
def test_the_figures_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    main(events=10, batch=5, singles=2, folder=tmp_path, as_json=as_json)
    printed = capsys.readouterr().out
    if as_json:
        assert json.loads(printed)["events"] == 10
    else:
        assert "verified per second" in printed
    assert list(tmp_path.iterdir()) == []
