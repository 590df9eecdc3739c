"""What counts as another version of a library, and in which words that is said."""

from __future__ import annotations

import pytest

from pipelines import libraries
from pipelines.libraries import differing, in_words

HERE = {"scikit-learn": "1.9.1", "numpy": "2.3.0", "skops": "0.14"}


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        (HERE, ""),
        ({"scikit-learn": "1.9.0"}, ""),
        ({"numpy": "2.1.3", "skops": "0.11.0"}, ""),
        ({"scikit-learn": "1.7.2"}, "trained with scikit-learn 1.7.2, this is 1.9.1"),
        ({"numpy": "1.26.4"}, "trained with numpy 1.26.4, this is 2.3.0"),
        ({"xgboost": "3.1.0"}, "trained with xgboost 3.1.0, this is none"),
        ({}, ""),
    ],
)
def test_a_patch_release_is_the_same_and_numbers_are_carried_across_minor_ones(
    recorded: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "_version", lambda name: HERE.get(name, "none"))
    assert in_words(differing(recorded)) == said


def test_a_library_that_is_not_installed_has_no_version() -> None:
    assert libraries.versions_here(("no-such-library",)) == {"no-such-library": "none"}
