"""CSV is read in the form that the config names, and what does not fit is named by line, column and value."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.sources import csv_file
from pipelines.sources.description import parse_source
from pipelines.tables import DataSourceError, open_table

TYPES = {"a": pa.float64(), "b": pa.string()}
ROWS = [{"a": 1.5, "b": "é"}, {"a": None, "b": "x;y"}]


def _rows(file: Path, types: Any = TYPES, **form: str) -> list[dict[str, Any]]:
    opened = open_table(parse_source({"path": str(file), **form}), types)
    return pa.Table.from_batches(opened.read(), opened.schema).to_pylist()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "cp1252"])
def test_form_is_the_configs(file: Path, encoding: str) -> None:
    file.write_bytes('a;b\n1,5;é\n;"x;y"\n'.encode(encoding))
    assert _rows(file, separator=";", decimal=",", encoding=encoding) == ROWS
    packed = file.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert _rows(packed, separator=";", decimal=",", encoding=encoding) == ROWS


def test_text_is_missing_only_where_the_field_is_empty(file: Path) -> None:
    words = ["NA", "null", "None", "nan", "N/A", "NULL", "-"]
    file.write_text("a,b\n" + "".join(f"1,{word}\n" for word in words) + '2,\n3,""\n', encoding="utf-8")
    for types in (TYPES, None):
        assert [row["b"] for row in _rows(file, types)] == [*words, None, None]


def test_number_is_missing_where_usual_words_for_it_stand(file: Path) -> None:
    file.write_text("a,b\nNA,x\nNaN,x\nnull,x\n,x\n2,x\n", encoding="utf-8")
    assert [row["a"] for row in _rows(file) if row["a"] == row["a"]] == [None, None, None, None, 2.0]


@pytest.mark.parametrize("lines", [1, 40, 5000])
def test_line_break_in_quotes_is_data_at_any_size(file: Path, monkeypatch: pytest.MonkeyPatch, lines: int) -> None:
    monkeypatch.setattr(csv_file, "_BLOCK", 64)
    value = "line\n" * lines
    file.write_text("a,b\n" + f'1,"{value}"\n2,x\n' * 9, encoding="utf-8")
    assert [(row["a"], row["b"]) for row in _rows(file)] == [(1.0, value), (2.0, "x")] * 9


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-20", ""], pa.int64()),
        (["007", "1"], pa.string()),
        (["1.5", "-2e3", ".5"], pa.float64()),
        (["1.0", ""], pa.float64()),
        (["true", "False"], pa.bool_()),
        (["1", "NA"], pa.string()),
        (["-", "1"], pa.string()),
        (["9223372036854775808", "1"], pa.float64()),
        (["", '""'], pa.null()),
    ],
)
def test_type_that_all_values_fit_is_found(file: Path, values: list[str], expected: pa.DataType) -> None:
    file.write_text("a,b\n" + "".join(f"1,{value}\n" for value in values), encoding="utf-8")
    assert open_table(str(file)).schema.field("b").type == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'a,b\n1,"x\ny"\n\nhigh,z\n', "column 'a': expected number, found 'high' in line 5"),
        (
            b'a,b\n"1,5",x\n',
            "found '1,5' in line 2; if the decimal mark is a comma, say so in the config: source.decimal",
        ),
        (b'a,b\n1,"x\ny"\n2\n', "line 4: expected 2 fields, found 1: '2'"),
        (b"a,b\n1,x\n1,5,y\n", "line 3: expected 2 fields, found 3: '1,5,y'"),
        (b"a,b\n1,x\n2,caf\xe9\n", "column 'b': 'caf\ufffd' in line 3 holds the byte 0xe9, which is not utf-8"),
        (b"a,b\xe9\n1,x\n", "the first line is not a CSV header: it is not utf-8"),
        (b"a;b\n1,5;x\n", "the header is one column, 'a;b'; if the separator is ';'"),
        (b'a,b\n1,x\n2,"y\n3,z\n', "a quote is opened in the row after that of line 2 and never closed"),
        (b"a,b\n1,x\n9007199254740993,y\n", "column 'a': 9007199254740993 in line 3 is an integer that"),
    ],
)
def test_what_does_not_fit_is_named_by_line_column_and_value(file: Path, content: bytes, expected: str) -> None:
    for name, stored in (("data.csv", content), ("data.csv.gz", gzip.compress(content))):
        (file.parent / name).write_bytes(stored)
        with pytest.raises(DataSourceError) as error:
            _rows(file.parent / name)
        assert expected in str(error.value)
        assert str(error.value).startswith(f"{file.parent / name}: ")


def test_what_does_not_fit_is_named_by_line_far_into_a_file_too(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrow numbers no row of a block that it read in a thread, of which tests have one as a rule."""
    monkeypatch.setattr(csv_file, "_BLOCK", 4096)
    before = pa.cpu_count()
    pa.set_cpu_count(2)
    rows = [f"{number},x\n" for number in range(20_000)]
    file.write_text("a,b\n" + "".join([*rows, "high,y\n", *rows]), encoding="utf-8")
    try:
        with pytest.raises(DataSourceError, match="column 'a': expected number, found 'high' in line 20002"):
            _rows(file)
    finally:
        pa.set_cpu_count(before)


def test_large_number_that_is_exact_is_read(file: Path) -> None:
    file.write_text("a,b\n1152921504606846976,x\n1e300,y\n12345678901234567.5,z\n", encoding="utf-8")
    assert [row["a"] for row in _rows(file)] == [2.0**60, 1e300, 12345678901234567.5]


def test_integers_are_read_exactly_also_beside_missing_ones(file: Path) -> None:
    file.write_text("a,b\n9007199254740993,x\n1.0,y\n,z\n", encoding="utf-8")
    assert [row["a"] for row in _rows(file, {"a": pa.int64()})] == [9007199254740993, 1, None]
    file.write_text("a,b\n7,x\nseven,y\n", encoding="utf-8")
    with pytest.raises(DataSourceError, match="column 'a': expected integer, found 'seven' in line 3"):
        _rows(file, {"a": pa.int64()})


def test_archive_cut_short_is_refused(file: Path) -> None:
    packed = file.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(b"a,b\n" + b"1.23456,x\n" * 50_000)[:-400])
    with pytest.raises(DataSourceError, match=r"data.csv.gz: cannot be read"):
        _rows(packed)
