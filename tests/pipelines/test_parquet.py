"""Parquet is one file, a folder of parts, or folders named after values, and its parts agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from pipelines.sources import parquet
from pipelines.sources.description import parse_source
from pipelines.tables import DataSourceError, open_table


def _rows(path: Path | str, **form: Any) -> list[dict[str, Any]]:
    opened = open_table(parse_source({"path": str(path), **form}))
    return pa.Table.from_batches(opened.read(), opened.schema).to_pylist()


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A folder as Spark writes it."""
    folder = tmp_path / "visits"
    folder.mkdir()
    for number in (1, 0, 2):
        pq.write_table(
            pa.table({"a": [number * 10, number * 10 + 1], "b": ["x", None]}),
            folder / f"part-0000{number}-c000.snappy.parquet",
            row_group_size=1,
        )
    for hidden in ("_SUCCESS", ".part-00000-c000.snappy.parquet.crc", "_committed_17"):
        (folder / hidden).write_bytes(b"")
    (folder / "_temporary").mkdir()
    (folder / "_temporary" / "part-00009.parquet").write_bytes(b"half")
    return folder


@pytest.fixture
def partitioned(tmp_path: Path) -> Path:
    """A folder as Arrow and Hive write it, by year and ward."""
    table = pa.table(
        {"year": [2023, 2023, 2024, 2024], "ward": ["A/B", None, "A/B", "C"], "dose": [1.0, 2.0, 3.0, 4.0]}
    )
    folder = tmp_path / "byyear"
    ds.write_dataset(
        table,
        folder,
        format="parquet",
        partitioning=ds.partitioning(pa.schema([("year", pa.int32()), ("ward", pa.string())]), flavor="hive"),
    )
    return folder


def test_parts_are_read_in_the_order_of_their_names_without_what_is_hidden(parts: Path) -> None:
    assert [row["a"] for row in _rows(parts)] == [0, 1, 10, 11, 20, 21]
    assert _rows(f"{parts}/") == _rows(parts)
    (parts / "part-00000-c000.snappy.parquet").rename(parts.parent / "one.parquet")
    assert [row["a"] for row in _rows(parts.parent / "one.parquet")] == [0, 1]


def test_folders_named_after_values_are_columns(partitioned: Path) -> None:
    rows = sorted(_rows(partitioned), key=lambda row: row["dose"])
    assert rows == [
        {"dose": 1.0, "year": 2023, "ward": "A/B"},
        {"dose": 2.0, "year": 2023, "ward": None},
        {"dose": 3.0, "year": 2024, "ward": "A/B"},
        {"dose": 4.0, "year": 2024, "ward": "C"},
    ]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ([{"column": "year", "at_least": 2024}], [3.0, 4.0]),
        ([{"column": "ward", "one_of": ["A/B"]}, {"column": "dose", "above": 1}], [3.0]),
        ([{"column": "ward", "none_of": ["C"]}], [1.0, 3.0]),
        ([{"column": "dose", "above": 1, "at_most": 3}], [2.0, 3.0]),
        ([{"column": "dose", "below": 1}], []),
    ],
)
def test_filters_choose_rows_by_folders_and_by_values(partitioned: Path, where: Any, expected: list[float]) -> None:
    assert sorted(row["dose"] for row in _rows(partitioned, where=where)) == expected


def test_row_groups_and_columns_that_nobody_asks_for_are_not_read(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Any, Any]] = []

    class Recorded(pq.ParquetFile):  # type: ignore[misc]
        def iter_batches(self, *rows: Any, row_groups: Any, columns: Any, **rest: Any) -> Any:
            asked.append((self.metadata.num_row_groups, row_groups, columns))
            return super().iter_batches(*rows, row_groups=row_groups, columns=columns, **rest)

    monkeypatch.setattr(parquet.pq, "ParquetFile", Recorded)
    source = parse_source({"path": str(parts), "where": [{"column": "a", "at_least": 11}]})
    read = pa.Table.from_batches(open_table(source).select(frozenset("b")).read())
    assert read.to_pydict() == {"b": [None, "x", None]}
    assert asked == [(2, [1], ["b", "a"]), (2, [0, 1], ["b", "a"])]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"a": pa.array([1.5]), "b": ["x"]}, "part part-7.parquet, column 'a': is double, and int64 in the first part"),
        ({"a": [1]}, "part part-7.parquet, column 'b': is not there, and string in the first part"),
        ({"a": [1], "b": ["x"], "c": [1]}, "column 'c': is int64, and not there in the first part"),
    ],
)
def test_part_of_another_schema_is_refused_before_any_row_is_read(parts: Path, table: Any, expected: str) -> None:
    pq.write_table(pa.table(table), parts / "part-7.parquet")
    with pytest.raises(DataSourceError) as error:
        open_table(str(parts))
    assert expected in str(error.value)


def test_part_without_a_value_in_a_column_fits_whatever_the_others_hold(parts: Path) -> None:
    pq.write_table(pa.table({"b": pa.nulls(1), "a": [5]}), parts / "part-0.parquet")
    assert _rows(parts)[0] == {"a": 5, "b": None}
    assert {row["b"] for row in _rows(parts)} == {"x", None}


def test_folder_that_is_no_parquet_data_set_is_refused(parts: Path, tmp_path: Path) -> None:
    (parts / "readme.txt").write_text("hello")
    with pytest.raises(DataSourceError, match=r"visits: holds readme.txt, which is no part of a Parquet data set"):
        open_table(str(parts))
    (parts / "readme.txt").rename(parts / "part-8.parquet")
    with pytest.raises(DataSourceError, match=r"part-8.parquet: not a Parquet file"):
        open_table(str(parts))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataSourceError, match=r"empty: holds no Parquet file"):
        open_table(str(tmp_path / "empty"))
    with pytest.raises(DataSourceError, match=r"nothing: does not exist"):
        open_table(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"column": "yaer", "above": 1}, "where: has no column 'yaer'"),
        ({"column": "a", "above": "many"}, "where: a above many does not fit a column of type int64"),
    ],
)
def test_filter_that_fits_no_column_is_refused(parts: Path, rule: Any, expected: str) -> None:
    with pytest.raises(DataSourceError, match=expected):
        open_table(parse_source({"path": str(parts), "where": [rule]}))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"path": "a.csv", "where": [{"column": "a", "above": 1}]}, "where: a.csv is CSV, .* write it as Parquet, or"),
        ({"path": "a.parquet", "separator": ";"}, "separator, decimal and encoding are of CSV"),
        ({"path": "a.csv", "decimal": ","}, "',' cannot be the separator"),
        ({"path": "a.csv", "encoding": "latin-one"}, "'latin-one' is not an encoding that Python knows"),
        ({"path": "a", "where": [{"column": "a"}]}, "a: give one_of, none_of, above"),
        ("a.txt", "for a folder of Parquet parts, in /"),
    ],
)
def test_source_that_contradicts_itself_is_refused(given: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_source(given)
