"""Data is opened from files and buckets, and what is wrong with it is said by file, column and line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.sources import table
from pipelines.tables import ConversionError, DataSourceError, open_table

TYPES = {"a": pa.float64(), "b": pa.string()}


def _rows(location: Path | str, types: dict[str, pa.DataType] | None = None) -> list[dict[str, object]]:
    opened = open_table(str(location), types)
    return pa.Table.from_batches(opened.read(), opened.schema).to_pylist()


@pytest.mark.parametrize(
    "content",
    ["a,b\n1,x\n,\n", "\ufeffa,b\n1,x\n,\n", '"a","b"\r\n1,"x"\r\n"",""\r\n', "a,b\n\n1,x\n,"],
)
def test_csv_is_read_with_missing_values(tmp_path: Path, content: str) -> None:
    (tmp_path / "data.csv").write_text(content, encoding="utf-8")
    expected = [{"a": 1.0, "b": "x"}, {"a": None, "b": None}]
    assert _rows(tmp_path / "data.csv", TYPES) == expected
    assert _rows(tmp_path / "data.csv") == expected


def test_csv_column_without_a_given_type_is_text(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,c\n1,007\n", encoding="utf-8")
    assert _rows(tmp_path / "data.csv", TYPES) == [{"a": 1.0, "c": "007"}]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("data.csv", b"", "is empty"),
        ("data.csv", b"a,a\n1,2\n", "'a': more than one column of that name"),
        ("data.csv", b"a,b\n1,x\n2\n", "line 3: expected 2 fields, found 1: '2'"),
        ("data.csv", b"a,b\n1,\xe9\n", "in line 2 holds the byte 0xe9, which is not utf-8"),
        ("data.csv", b"a,\xe9\n1,2\n", "the first line is not a CSV header"),
        ("data.parquet", b"hello, I am text", "not a Parquet file"),
        ("data.parquet", b"", "not a Parquet file"),
    ],
)
def test_file_that_is_not_what_its_name_says_is_refused(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataSourceError, match=name) as error:
        _rows(tmp_path / name, TYPES)
    assert expected in str(error.value)


def test_csv_training_data_that_cannot_be_parsed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,b\n1\n", encoding="utf-8")
    with pytest.raises(DataSourceError, match=r"data.csv: line 2: expected 2 fields, found 1"):
        open_table(str(tmp_path / "data.csv"))


def test_csv_field_of_another_type_is_named_by_column_and_line(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("b,a\nx,1\ny,high\n", encoding="utf-8")
    with pytest.raises(ConversionError, match=r"data.csv: column 'a': expected number, found 'high' in line 3"):
        _rows(tmp_path / "data.csv", TYPES)


def test_location_that_does_not_exist_or_open_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataSourceError, match=r"nothing.csv: does not exist"):
        open_table(str(tmp_path / "nothing.csv"))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataSourceError, match=r"folder.csv: cannot be opened"):
        open_table(str(tmp_path / "folder.csv"))
    with pytest.raises(ValueError, match="must end in"):
        open_table("data.txt")


def test_scheme_whose_package_is_not_installed_is_refused() -> None:
    with pytest.raises(DataSourceError, match=r"reading gs:// needs another package: .*gcsfs"):
        open_table("gs://bucket/data.csv")


def test_index_that_pandas_stored_is_no_column(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0]}, index=[3, 4])
    frame.to_parquet(tmp_path / "data.parquet")
    assert _rows(tmp_path / "data.parquet") == [{"a": 1.0}, {"a": 2.0}]
    frame.rename_axis("id").to_parquet(tmp_path / "data.parquet")
    assert _rows(tmp_path / "data.parquet") == [{"a": 1.0, "id": 3}, {"a": 2.0, "id": 4}]


def test_parquet_is_read_in_pieces_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "BATCH_CELLS", 20)
    pq.write_table(pa.table({"a": range(35), "b": range(35)}), tmp_path / "data.parquet")
    opened = open_table(str(tmp_path / "data.parquet"))
    assert [batch.num_rows for batch in opened.read()] == [10, 10, 10, 5]


def test_parquet_cut_short_is_refused_when_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "data.parquet"
    pq.write_table(pa.table({"a": [float(n) for n in range(9999)]}), file, compression="none", use_dictionary=False)
    content = bytearray(file.read_bytes())
    content[4:40] = bytes(36)  # the first page's header
    file.write_bytes(content)
    with pytest.raises(DataSourceError, match=r"data.parquet: cannot be read to its end"):
        _rows(file)


def test_bundled_sets_are_unscaled() -> None:
    first = next(open_table("sklearn:diabetes").read()).slice(0, 1).to_pylist()[0]
    assert (first["age"], first["sex"], first["target"]) == (59.0, 2.0, 151.0)
    assert open_table("sklearn:breast_cancer").schema.names[-1] == "target"
