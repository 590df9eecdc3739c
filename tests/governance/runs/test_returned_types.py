"""What a step will return is told where its code says so, and nothing is told where it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sklearn.ensemble
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from governance.runs.returned_types import returned_types
from pipelines.functions import load_function


def directly(data: Any) -> Any:
    return LogisticRegression().fit(data, data)


def by_module(data: Any) -> Any:
    model = sklearn.ensemble.RandomForestClassifier()
    model.fit(data, data)
    return model


def piped(data: Any) -> Any:
    model = make_pipeline(StandardScaler(), LogisticRegression()).set_params(verbose=False)
    return model.fit(data, data)


def imported_within(data: Any) -> Any:
    from sklearn.pipeline import make_pipeline as made

    return made(LogisticRegression())


def wrapped(data: Any) -> Any:
    model = make_pipeline(LogisticRegression())
    model = CalibratedClassifierCV(model)
    return model.fit(data, data)


def either(data: Any) -> Any:
    if data is None:
        return LogisticRegression()
    return Pipeline([]) if len(data) else CalibratedClassifierCV()


def second_of_two(data: Any) -> Any:
    return 1.0, LogisticRegression()


def picked(data: Any) -> Any:
    model = make_pipeline(LogisticRegression())
    model = model.steps[-1][1]
    return model.fit(data, data)


def given(model: Any) -> Any:
    return model


def from_a_loop(data: Any) -> Any:
    model = None
    for model in (LogisticRegression(), Pipeline([])):
        data = model.fit(data)
    return model


def loaded(data: Any) -> Any:
    return load_function("pipelines.functions:load_function")


def itself(data: Any) -> Any:
    data = data.fit(data)
    return data.fit(data)


def with_a_function_inside(data: Any) -> Any:
    def inner() -> Any:
        return Pipeline([])

    return LogisticRegression().fit(inner(), (lambda: Pipeline([]))())


@pytest.mark.parametrize(
    ("function", "output", "expected"),
    [
        (directly, None, [{LogisticRegression}]),
        (by_module, None, [{sklearn.ensemble.RandomForestClassifier}]),
        (piped, None, [{Pipeline}]),
        (imported_within, None, [{Pipeline}]),
        (wrapped, None, [{Pipeline, CalibratedClassifierCV}]),
        (either, None, [{LogisticRegression}, {Pipeline, CalibratedClassifierCV}]),
        (second_of_two, 1, [{LogisticRegression}]),
        (with_a_function_inside, None, [{LogisticRegression}]),
        (picked, None, [set()]),
        (given, None, [set()]),
        (from_a_loop, None, [set()]),
        (loaded, None, [set()]),
        (itself, None, [set()]),
        (len, None, []),
        (eval("lambda data: Pipeline([])"), None, []),
    ],
)
def test_types_are_told_where_the_code_says_them(
    function: Callable[..., Any], output: int | None, expected: list[set[type]]
) -> None:
    assert [set(found) for found in returned_types(function, output)] == expected


def test_a_function_of_pipelines_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piped, "__module__", "pipelines.teams.own.training")

    def step(data: Any) -> Any:
        return piped(data)

    assert returned_types(step) == [{Pipeline}]
    monkeypatch.setattr(piped, "__module__", "elsewhere")
    assert returned_types(step) == [frozenset()]
