"""Rows are divided as the config says, and what cannot be right is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.config import ModelConfig, Split
from pipelines.data import DataError, load_training_sets, load_validation_set
from pipelines.labels import LabelError
from pipelines.splits import SplitError, is_held_out
from tests.pipelines.conftest import config_of, make_patients, train


@pytest.fixture(scope="module")
def visits() -> pd.DataFrame:
    """Four rows a patient, on days that rise."""
    frame = make_patients(400)
    days = pd.date_range("2025-01-01", periods=400, freq="D")
    return frame.assign(
        person=[f"p{row // 4}" for row in range(400)], day=days.strftime("%Y-%m-%d"), moment=days, year=range(400)
    )


@pytest.fixture(scope="module")
def file(visits: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("visits") / "visits.parquet"
    visits.to_parquet(path, index=False)
    return path


def divided(file: Path, **split: Any) -> ModelConfig:
    return config_of(file, split=split)


def test_a_group_is_never_on_both_sides_also_when_rows_are_added(file: Path, visits: pd.DataFrame) -> None:
    config = divided(file, method="group", group="person")
    sets = load_training_sets(config)
    before = set(sets.training["person"])
    assert not before & set(sets.validation["person"])
    assert 0.2 < len(sets.validation) / 400 < 0.4
    more = file.with_name("more.parquet")
    later = visits.assign(person=[f"q{row // 4}" for row in range(400)])
    pd.concat([later, visits], ignore_index=True).to_parquet(more, index=False)
    model, _ = train(config)
    fresh = load_validation_set(divided(more, method="group", group="person"), model.signature)
    assert len(fresh) > len(sets.validation)
    assert not set(fresh["person"]) & before
    assert "person" not in {*model.reference.numeric, *model.reference.categorical}, "other people are no drift"
    assert "person" in model.signature.other_columns


def test_the_share_of_groups_held_out_is_about_the_one_asked_for() -> None:
    held_out = [is_held_out(Split(method="group", group="x", validation_share=0.3), f"p{n}") for n in range(4000)]
    assert np.mean(held_out) == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("column", ["day", "moment", "year"])
def test_divided_by_time_every_held_out_row_came_after_training(file: Path, column: str) -> None:
    config = divided(file, method="time", column=column, validation_share=0.25)
    sets = load_training_sets(config)
    assert sets.training[column].max() < sets.validation[column].min()
    assert sets.description.split_boundary == sets.training[column].max()
    model, _ = train(config)
    assert load_validation_set(config, model.signature)[column].min() > model.signature.split_boundary  # type: ignore[operator]


def test_a_column_or_a_function_of_the_team_says_which_rows_are_held_out(
    file: Path, visits: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = {"numeric": ["dose", "visits"]}
    by_column = {"method": "column", "column": "ward", "held_out": ["C"]}
    sets = load_training_sets(config_of(file, features=features, split=by_column))
    assert len(sets.validation) == (visits["ward"] == "C").sum()
    assert "ward" not in sets.validation
    monkeypatch.setattr("pipelines.splits.load_function", lambda path: lambda frame: frame["age"] > 60)
    sets = load_training_sets(divided(file, method="function", function="pipelines.teams.x:old"))
    assert sets.validation["age"].min() > 60 >= sets.training["age"].max()


@pytest.mark.parametrize(
    ("split", "error", "expected"),
    [
        ({"method": "time", "column": "ward"}, SplitError, "'ward' has no order in time"),
        ({"method": "time", "column": "dose"}, SplitError, "split: 'dose' is missing in 24 of 400 rows"),
        ({"method": "time", "column": "when"}, DataError, "has no column 'when', by which split divides"),
        ({"method": "column", "column": "person", "held_out": ["p999"]}, SplitError, "no held-out row among 400"),
        ({"method": "random", "group": "person"}, SplitError, "values of 'person' have rows on both sides"),
        ({"method": "group", "group": "person", "validation_share": 0.0001}, SplitError, "no held-out row among 400"),
    ],
)
def test_a_division_that_cannot_be_right_is_refused(
    file: Path, split: dict[str, Any], error: type[Exception], expected: str
) -> None:
    features = {"numeric": ["visits"], "categorical": ["code"]}
    with pytest.raises(error, match=expected):
        load_training_sets(config_of(file, features=features, split=split))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (lambda frame: [True] * 3, r"of shape \(3,\); expected true where"),
        (lambda frame: frame["age"], "returned float64"),
        (lambda frame: frame["no such column"], "raised KeyError: 'no such column'"),
        (lambda frame: np.random.default_rng().random(len(frame)) > 0.5, "divides the same rows differently"),
    ],
)
def test_a_function_that_does_not_divide_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch, found: Any, expected: str
) -> None:
    monkeypatch.setattr("pipelines.splits.load_function", lambda path: found)
    with pytest.raises(SplitError, match=expected):
        load_training_sets(divided(file, method="function", function="pipelines.teams.x:side"))


def test_a_number_with_many_values_needs_bands_and_is_never_cut_in_silence(file: Path) -> None:
    with pytest.raises(DataError, match=r"'age' is a number with 70 values from 20 to 89; .*bands: \["):
        load_training_sets(config_of(file, sensitive=["age"]))
    assert "visits" in load_training_sets(config_of(file, sensitive=["visits"])).training


TARGET = {"column": "ward", "meaning": "where"}


@pytest.mark.parametrize(
    ("task", "target", "expected"),
    [
        ("binary", {**TARGET, "risk_values": ["B"]}, "does not name: 'C' in 1"),
        ("binary", {**TARGET, "risk_values": ["B"], "other_values": ["A"]}, "does not name: 'C' in"),
        ("multiclass", {**TARGET, "classes": ["A", "B"]}, "does not name: 'C' in"),
        ("multiclass", {**TARGET, "classes": ["A", "D"]}, "target.classes: D does not occur in 'ward'"),
        ("regression", TARGET, "is of type object; a number is needed"),
        ("regression", {"column": "dose", "meaning": "x"}, "'dose' is missing in 18 of 280 rows"),
    ],
)
def test_values_that_nobody_named_are_refused(file: Path, task: str, target: dict[str, Any], expected: str) -> None:
    estimator = {"type": "random_forest"}
    with pytest.raises(LabelError, match=expected):
        load_training_sets(
            config_of(file, task=task, target=target, features={"numeric": ["visits"]}, estimator=estimator)
        )


def test_values_that_are_allowed_are_no_risk_or_a_class_of_their_own(file: Path, visits: pd.DataFrame) -> None:
    features = {"numeric": ["visits"]}
    risk = {**TARGET, "risk_values": ["B"], "other_values": "allow"}
    sets = load_training_sets(config_of(file, target=risk, features=features))
    assert sum(sets.description.training_labels.values()) == sets.description.training_rows
    both = {**TARGET, "classes": ["A", "B"], "other_values": "allow"}
    sets = load_training_sets(config_of(file, task="multiclass", target=both, features=features))
    assert sets.description.label.classes == ("A", "B", "other")
    counted = sets.description.training_labels["other"] + sets.description.validation_labels["other"]
    assert counted == (visits["ward"] == "C").sum()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"task": "multiclass"}, "classes is required of a multiclass model"),
        ({"task": "regression"}, "risk_values has no meaning for task 'regression'"),
        ({"target": {"column": "outcome", "meaning": "x", "classes": ["a", "b"]}}, "give exactly one of risk_values"),
        ({"split": {"method": "group"}}, "method 'group' needs group"),
        ({"split": {"method": "column", "column": "x"}}, "method 'column' needs held_out"),
        ({"split": {"method": "random", "held_out": [1]}}, "held_out has no meaning for method 'random'"),
        ({"split": {"method": "group", "group": "ward"}}, "split.group: 'ward' is a feature or the target"),
        ({"metrics": {"rmse": {"at_most": 3}}}, "'rmse' is no metric of task 'binary'; there are roc_auc"),
        ({"metrics": {"recall": {"at_most": 0.3}}}, "recall: higher is better, so its limit is at_least"),
        ({"metrics": {"cost": {"function": "pipelines.teams.x:cost"}}}, "better is required of an own metric"),
        ({"metrics": {"recall": {"function": "pipelines.teams.x:c", "better": "lower"}}}, "is a built-in metric"),
        ({"metrics": {"recall": {}}}, "give at_least, at_most or margin"),
        ({"metrics": {"cost": {"function": "os:system", "better": "lower"}}}, "should match pattern"),
    ],
)
def test_a_config_that_contradicts_its_task_is_refused(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        config_of("x.parquet", **changes)
