"""A mutant that does not apply any more, or whose tests are gone, would look like one that is noticed."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants import MUTANTS, Mutant, main, tried, why_stale


def test_words_that_no_promise_holds_are_not_answered_with_all_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["mutants", "no such words"])
    with pytest.raises(SystemExit, match="nothing was tried"):
        main()


def test_every_mutant_applies_once_and_its_tests_are_there() -> None:
    assert {mutant.promise: why for mutant in MUTANTS if (why := why_stale(mutant))} == {}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"old": "import nothing"}, "0 times"),
        ({"file": "governance/nowhere.py"}, "0 times"),
        ({"new": "same", "old": "same"}, "times"),
        ({"tests": "tests/nowhere"}, "there is no tests/nowhere"),
        ({"tests": "tests/environments::test_of_nothing"}, "no test test_of_nothing"),
        ({"tests": "tests/environments -k no_such_words"}, "no test no_such_words"),
    ],
)
def test_one_that_does_not_apply_says_so(change: dict[str, str], why: str) -> None:
    assert why in (why_stale(replace(MUTANTS[0], **change)) or "")


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("assert LIMIT == 1", "noticed"),
        ("assert LIMIT > 0", "SURVIVED"),
        ("__import__('pytest').skip('no cluster')", "skipped"),
    ],
)
def test_tests_that_are_all_skipped_are_not_tests_that_pass(tmp_path: Path, test: str, said: str) -> None:
    (tmp_path / "limits.py").write_text("LIMIT = 1\n", encoding="utf-8")
    file = tmp_path / "test_limits.py"
    file.write_text(f"from limits import LIMIT\n\ndef test_limit():\n    {test}\n", encoding="utf-8")
    assert tried(Mutant("a limit", "limits.py", "LIMIT = 1", "LIMIT = 2", "test_limits.py"), tmp_path) == said
    assert (tmp_path / "limits.py").read_text(encoding="utf-8") == "LIMIT = 1\n"
