"""Which rows a model was trained on can be told from its folder, without the rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from pipelines.row_digests import RowDigests, RowDigestsDamagedError

SALT = "0123456789abcdef" * 4


def rows(count: int = 50, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": random.normal(size=count),
            "site": random.choice(["a", "b", None], count),
            "age": random.normal(size=count),
        }
    )


def test_rows_that_were_there_are_known_and_others_are_not() -> None:
    known = RowDigests.of(rows(), salt_from=SALT)
    mixed = pd.concat([rows(seed=1), rows().head(7)], ignore_index=True)
    assert list(known.holds(mixed)) == [False] * 50 + [True] * 7


def test_order_of_columns_other_columns_and_the_label_do_not_matter() -> None:
    known = RowDigests.of(rows(), salt_from=SALT)
    assert known.holds(rows()[["age", "size", "site"]].assign(label=1, sex="f")).all()


@pytest.mark.parametrize(
    "change",
    [
        {"size": lambda f: f["size"] * (1 + 1e-4)},
        {"site": lambda f: f["site"].fillna("c")},
        {"size": lambda f: f["size"].where(f.index > 49)},
        {"size": lambda f: f["age"], "age": lambda f: f["size"]},
    ],
)
def test_any_other_value_is_another_row(change: dict[str, object]) -> None:
    frame = rows()
    changed = frame.assign(**{name: value(frame) for name, value in change.items()})  # type: ignore[operator]
    same = changed.astype(str).eq(frame.astype(str)).all(axis=1)
    assert list(RowDigests.of(frame, salt_from=SALT).holds(changed)) == list(same)


@pytest.mark.parametrize(
    "stored",
    [
        lambda values: values.astype("float32").astype("float64"),
        lambda values: values.map(lambda value: float(f"{value:.9f}")),
        lambda values: values.map(lambda value: float(f"{value:.6g}")),
    ],
)
def test_rows_stored_in_less_precision_are_known_again(stored: Callable[[pd.Series], pd.Series]) -> None:
    frame = rows(2000)
    fewer_digits = frame.assign(size=stored(frame["size"]), age=stored(frame["age"]))
    assert not fewer_digits["size"].eq(frame["size"]).all()
    assert RowDigests.of(frame, salt_from=SALT).holds(fewer_digits).mean() > 0.98
    assert RowDigests.of(fewer_digits, salt_from=SALT).holds(frame).mean() > 0.98


def test_missing_is_not_zero_and_minus_zero_is_zero() -> None:
    known = RowDigests.of(pd.DataFrame({"size": [0.0, np.nan]}), salt_from=SALT)
    assert list(known.holds(pd.DataFrame({"size": [-0.0, np.nan, 1.0]}))) == [True, True, False]
    assert not RowDigests.of(pd.DataFrame({"size": [np.nan]}), salt_from=SALT).holds(pd.DataFrame({"size": [0.0]}))[0]


def test_the_salt_keeps_two_models_apart() -> None:
    first, second = (RowDigests.of(rows(), salt_from=salt) for salt in (SALT, SALT[::-1]))
    assert first.to_bytes()[16:] != second.to_bytes()[16:]


def test_written_and_read_they_know_the_same_rows() -> None:
    known = RowDigests.of(rows(), salt_from=SALT)
    again = RowDigests.from_bytes(known.to_bytes())
    assert again.holds(rows()).all()
    assert not again.holds(rows(seed=1)).any()
    assert (again.to_bytes(), again.columns) == (known.to_bytes(), ("age", "site", "size"))


OF_BEFORE = (  # digests of 8 bytes, without a form that says so, as models of before hold them
    "0123456789abcdef0123456789abcdef09000000736974650a73697a657621ac3258dd3a4922a904efbb15ec74e7a863e0c5dd0083c73f0ac6"
    "6369c6e2deaaadf9fbbf98f1a411aba353371efb"
)


def test_digests_of_models_of_before_are_read_and_know_their_rows() -> None:
    frame = pd.DataFrame({"size": [1.5, -2.25, 1e6], "site": ["a", None, "b"]})
    known = RowDigests.from_bytes(bytes.fromhex(OF_BEFORE))
    assert known.holds(frame).all()
    assert not known.holds(frame.assign(size=0.0)).any()
    assert known.to_bytes().hex() == OF_BEFORE


WRITTEN = RowDigests.of(rows(), salt_from=SALT).to_bytes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 19,
        b"\x00" * 16 + b"\xff\xff\x00\x00",
        b"\x00" * 27,
        WRITTEN[:-1],
        WRITTEN + b"\x00",
        WRITTEN[:20],
        WRITTEN[:43],
        WRITTEN[:-1] + bytes([WRITTEN[-1] ^ 128]),
    ],
)
def test_a_damaged_file_is_refused(content: bytes) -> None:
    with pytest.raises(RowDigestsDamagedError, match="no digests of rows"):
        RowDigests.from_bytes(content)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 127, 128, 5000])
def test_any_number_of_rows_is_written_and_read(count: int) -> None:
    frame = rows(count)
    known = RowDigests.from_bytes(RowDigests.of(frame, salt_from=SALT).to_bytes())
    assert known.holds(frame).all()
    assert not known.holds(rows(1000, seed=1)).any()


def test_a_hundred_thousand_rows_are_less_than_a_megabyte_and_others_are_not_taken_for_them() -> None:
    frame, others = rows(100_000), rows(100_000, seed=1)
    known = RowDigests.of(frame, salt_from=SALT)
    content = known.to_bytes()
    assert len(content) < 900_000
    again = RowDigests.from_bytes(content)
    assert again.holds(frame).all()
    assert not again.holds(others).any()
