"""Data is stopped for what is wrong with it: to train on, to judge by, or to score."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from environments import DataQuality
from governance.gates.data_checks import Columns, judge_rows, judge_rows_again
from governance.gates.input_quality import judge_input
from governance.gates.result import GateFailedError, GateResult
from pipelines.input_profile import InputProfile
from tests.governance.gates.conftest import CONTEXT

LIMITS = DataQuality(minimum_rows=20, missing_share=0.1, duplicate_share=0.05, outside_share=0.1, unseen_share=0.05)
COLUMNS = Columns(numeric=("size", "age"), categorical=("site",), beside=("sex",), ranges={"age": (0, 120)})


def good_data(rows: int = 100) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": random.normal(size=rows),
            "age": random.integers(20, 80, rows).astype(float),
            "site": random.choice(["a", "b"], rows),
            "sex": random.choice(["f", "m"], rows),
            "label": np.arange(rows) % 2,
        }
    )


def judge_data(frame: pd.DataFrame) -> GateResult:
    return judge_rows("data quality", frame, COLUMNS, LIMITS, CONTEXT)


def test_good_data_passes() -> None:
    result = judge_data(good_data())
    assert result.passed, result.failures
    assert result.evidence_digest


def spoil(change: str) -> pd.DataFrame:
    frame = good_data()
    match change:
        case "too few rows":
            return frame.head(19)
        case "empty":
            return frame.head(0)
        case "one outcome":
            frame["label"] = 1
        case "missing values":
            frame.loc[:10, "size"] = np.nan
        case "repeated rows":
            frame.loc[90:] = frame.loc[0:9].to_numpy()
            frame = frame.astype({"size": float, "age": float, "label": int})
        case "missing column":
            frame = frame.drop(columns="age")
        case "missing category column":
            frame = frame.drop(columns="site")
        case "missing target":
            frame = frame.drop(columns="label")
        case "target missing in a row":
            frame["label"] = frame["label"].astype(float)
            frame.loc[0, "label"] = np.nan
        case "target out of range":
            frame.loc[0, "label"] = 2
        case "text for a number":
            frame["size"] = "large"
        case "missing attribute":
            frame = frame.drop(columns="sex")
        case "out of range":
            frame.loc[3, "age"] = 120.5
        case "infinite":
            frame.loc[0, "size"] = np.inf
    return frame


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("too few rows", "rows"),
        ("empty", "rows"),
        ("one outcome", "outcomes seen"),
        ("missing values", "largest share missing"),
        ("repeated rows", "share of repeated rows"),
        ("missing column", "age"),
        ("missing category column", "site"),
        ("missing target", "label"),
        ("target missing in a row", "label"),
        ("target out of range", "label"),
        ("text for a number", "size"),
        ("infinite", "size: finite"),
        ("missing attribute", "sex"),
        ("out of range", "age: in_range(0.0, 120.0)"),
    ],
)
def test_bad_data_is_stopped_for_the_reason_that_is_wrong_with_it(change: str, check: str) -> None:
    result = judge_data(spoil(change))
    assert not result.passed
    with pytest.raises(GateFailedError, match="data quality") as refused:
        result.require()
    assert check in str(refused.value)


def target(**changes: float) -> Any:
    """Where a promotion leads, as far as limits on data go."""
    return SimpleNamespace(environment=SimpleNamespace(data_quality=LIMITS.model_copy(update=changes)))


def test_another_environments_limits_decide_on_the_same_findings() -> None:
    found = judge_data(good_data())
    again = {check.name: check.verdict for check in judge_rows_again(found, target(minimum_rows=101))}
    assert again.pop("rows") == "failed"
    assert set(again.values()) == {"passed"}
    spoilt = judge_data(spoil("missing values"))
    assert {check.verdict for check in judge_rows_again(spoilt, target(missing_share=0.11))} == {"passed"}


def batch(**changes: dict[str, int]) -> InputProfile:
    counts = {"missing": {"size": 0}, "unseen_categories": {"site": 0}, "outside_range": {"size": 0}, **changes}
    return InputProfile(location="batch.parquet", rows=1000, data_digest="d", **counts)


@pytest.mark.parametrize(
    ("counts", "limit", "words"),
    [
        ("missing", 100, "largest share missing 0.101 must be at most 0.1 (column 'size')"),
        ("outside_range", 100, "largest share outside the range 0.101 must be at most 0.1 (column 'size')"),
        ("unseen_categories", 50, "largest share of unseen categories 0.051 must be at most 0.05 (column 'size')"),
    ],
)
def test_a_batch_far_from_what_the_model_knows_is_not_scored(counts: str, limit: int, words: str) -> None:
    assert judge_input(batch(**{counts: {"site": 1, "size": limit}}), LIMITS, CONTEXT).passed
    with pytest.raises(GateFailedError) as refused:
        judge_input(batch(**{counts: {"site": 1, "size": limit + 1}}), LIMITS, CONTEXT).require()
    assert words in str(refused.value)
