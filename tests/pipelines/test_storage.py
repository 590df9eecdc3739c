"""The same values give the same rows, types, digests and predictions, whatever they are stored in."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.columns import Column, ColumnValueError, read_column
from pipelines.config import ModelConfig
from pipelines.data import TrainingSets, load_training_sets
from pipelines.input_profile import InputProfile, InputReader, open_input
from pipelines.model import TrainedModel
from tests.pipelines.conftest import config_of

NUMBERS = st.integers(-(2**20), 2**20).map(
    lambda number: number / 256
)  # exact in float32 and in a decimal of 12 digits
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=6).map(lambda t: "x" + t)
WORDS = st.sampled_from(["NA", "null", "None", "nan", "a,b", 'quo"te', "line\nbreak", " x "])
ROW = st.fixed_dictionaries(
    {
        "dose": st.none() | NUMBERS,
        "visits": st.none() | st.integers(-(2**31), 2**31 - 1),
        "ward": st.none()
        | st.sampled_from(["NA", "null", "None", "nan", "a,b", 'quo"te', "line\nbreak", " x "])
        | TEXTS,
        "code": st.none() | st.integers(-(2**62), 2**62),
        "smoker": st.none() | st.booleans(),
        "patient": st.integers(-(2**62), 2**62),
    }
)
PLAIN = pa.schema(
    [
        ("dose", pa.float64()),
        ("visits", pa.int64()),
        ("ward", pa.string()),
        ("code", pa.int64()),
        ("smoker", pa.bool_()),
        ("patient", pa.int64()),
    ]
)
COMPACT = pa.schema(
    [
        ("dose", pa.float32()),
        ("visits", pa.int32()),
        ("ward", pa.dictionary(pa.int32(), pa.string())),
        ("code", pa.int64()),
        ("smoker", pa.bool_()),
        ("patient", pa.int64()),
    ]
)
WIDE = pa.schema(
    [
        ("dose", pa.decimal128(30, 12)),
        ("visits", pa.decimal128(38, 0)),
        ("ward", pa.large_string()),
        ("code", pa.int64()),
        ("smoker", pa.dictionary(pa.int8(), pa.bool_())),
        ("patient", pa.int64()),
    ]
)
VIEWS = PLAIN.set(2, pa.field("ward", pa.string_view())).set(1, pa.field("visits", pa.float64()))


def _write_parquet(schema: pa.Schema) -> Callable[[list[dict[str, Any]], Path], Path]:
    def write(rows: list[dict[str, Any]], folder: Path) -> Path:
        columns = []
        for field in schema:
            values: list[Any] = [row[field.name] for row in rows]
            kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
            if pa.types.is_decimal(kind):
                values = [None if value is None else Decimal(value) for value in values]
            array = pa.array(values, kind)
            columns.append(array.dictionary_encode() if pa.types.is_dictionary(field.type) else array)
        file = folder / "rows.parquet"
        pq.write_table(pa.table(columns, names=schema.names), file)
        return file

    return write


def _write_csv(name: str, quoting: Any) -> Callable[[list[dict[str, Any]], Path], Path]:
    def write(rows: list[dict[str, Any]], folder: Path) -> Path:
        file = folder / name
        opened: Any = gzip.open if name.endswith(".gz") else open
        with opened(file, "wt", encoding="utf-8", newline="") as text:
            writer = csv.writer(text, quoting=quoting)
            writer.writerow(PLAIN.names)
            writer.writerows([["" if row[name] is None else row[name] for name in PLAIN.names] for row in rows])
        return file

    return write


WAYS = {
    "plain": _write_parquet(PLAIN),
    "compact": _write_parquet(COMPACT),
    "wide": _write_parquet(WIDE),
    "views": _write_parquet(VIEWS),
    "csv": _write_csv("rows.csv", csv.QUOTE_MINIMAL),
    "quoted": _write_csv("quoted.csv", csv.QUOTE_ALL),
    "gzipped": _write_csv("rows.csv.gz", csv.QUOTE_MINIMAL),
}


def _read(config: ModelConfig, model: TrainedModel, file: Path) -> tuple[InputProfile, pd.DataFrame, list[float]]:
    signature = model.signature.model_copy(update={"unseen_categories": "ignore"})
    reader = InputReader(open_input(config, signature, str(file)), signature)
    frame = pa.Table.from_batches(reader.pieces()).to_pandas()
    frame["patient"] = frame["patient"].astype(str)  # text in CSV, exact in both
    return reader.profile().model_copy(update={"location": ""}), frame, list(model.predict_probability(frame))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=12))
def test_a_batch_is_the_same_however_it_is_stored(
    tmp_path: Path, config: ModelConfig, model: TrainedModel, rows: list[dict[str, Any]]
) -> None:
    expected_profile, expected, probabilities = _read(config, model, WAYS["plain"](rows, tmp_path))
    assert list(expected["patient"]) == [str(row["patient"]) for row in rows]
    assert [row or None for row in expected["ward"]] == [row["ward"] for row in rows]
    for way, write in WAYS.items():
        profile, frame, found = _read(config, model, write(rows, tmp_path))
        assert profile == expected_profile, way
        pd.testing.assert_frame_equal(frame, expected)
        assert found == probabilities, way


@pytest.mark.parametrize("way", sorted(set(WAYS) - {"plain"}))
def test_training_rows_are_the_same_however_they_are_stored(tmp_path: Path, patients: pd.DataFrame, way: str) -> None:
    rows = patients.assign(dose=patients["dose"].round(2).mul(128).round() / 128).astype(object)
    rows["patient"] = range(2**60, 2**60 + len(rows))
    given = rows.where(rows.notna(), None).to_dict("records")

    def train_on(write: Callable[[list[dict[str, Any]], Path], Path]) -> TrainingSets:
        target = {"column": "smoker", "meaning": "smokes", "risk_values": [True]}
        features = {"numeric": ["dose", "visits"], "categorical": ["ward", "code"]}
        return load_training_sets(config_of(write(given, tmp_path), target=target, features=features, sensitive=[]))

    sets, same = train_on(WAYS["plain"]), train_on(WAYS[way])
    pd.testing.assert_frame_equal(same.training, sets.training)
    assert same.description.model_dump(exclude={"source"}) == sets.description.model_dump(exclude={"source"})


NUMBER = Column(name="n", type="number")


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.decimal128(38, 0), pa.dictionary(pa.int8(), pa.int64())])
def test_an_integer_in_a_number_is_exact_or_refused(kind: pa.DataType) -> None:
    def stored(value: int) -> pa.Array:
        plain = pa.array([value, None], kind.value_type if pa.types.is_dictionary(kind) else kind)
        return plain.dictionary_encode() if pa.types.is_dictionary(kind) else plain

    assert read_column(stored(2**60), NUMBER).to_pylist() == [float(2**60), None]
    with pytest.raises(ColumnValueError, match="column 'n': 1152921504606846977 is an integer that"):
        read_column(stored(2**60 + 1), NUMBER)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=17, min_value=-(10**12), max_value=10**12))
def test_a_decimal_is_the_number_nearest_to_it(value: Decimal) -> None:
    assert read_column(pa.array([value], pa.decimal128(38, 17)), NUMBER).to_pylist() == [float(value)]
