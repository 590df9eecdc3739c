"""A digest changes when, and only when, what it is of changes; and others can compute it."""

from __future__ import annotations

import hashlib
import math
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pipelines.digests import DataDigest, data_digest, folder_digest

COLUMN_VALUES = {
    "number": st.floats(allow_nan=True, allow_infinity=True) | st.none(),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "flag": st.booleans(),
    "text": st.text(max_size=4) | st.none(),
}


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[Any]]:
    rows = draw(st.integers(1, 6))
    return {name: draw(st.lists(values, min_size=rows, max_size=rows)) for name, values in COLUMN_VALUES.items()}


def _frame(table: dict[str, list[Any]]) -> pd.DataFrame:
    types = {"number": "float64", "integer": "int64", "flag": "bool", "text": object}
    return pd.DataFrame({name: pd.Series(values, dtype=types[name]) for name, values in table.items()})


def _same(one: Any, other: Any) -> bool:
    missing = [value is None or (isinstance(value, float) and math.isnan(value)) for value in (one, other)]
    return all(missing) or (not any(missing) and bool(one == other))


@given(tables(), st.data())
def test_any_changed_cell_changes_the_digest(table: dict[str, list[Any]], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(COLUMN_VALUES)))
    row = data.draw(st.integers(0, len(table[name]) - 1))
    value = data.draw(COLUMN_VALUES[name])
    changed = {**table, name: [*table[name][:row], value, *table[name][row + 1 :]]}
    assert (data_digest(_frame(table)) == data_digest(_frame(changed))) == _same(table[name][row], value)


@given(tables())
def test_rows_columns_names_and_types_count_and_the_index_does_not(table: dict[str, list[Any]]) -> None:
    frame = _frame(table)
    digest = data_digest(frame)
    assert data_digest(frame.set_index(pd.Index(range(7, 7 + len(frame))))) == digest
    assert data_digest(frame[list(reversed(frame.columns))]) != digest
    assert data_digest(frame.rename(columns={"flag": "flags"})) != digest
    assert data_digest(frame.astype({"flag": "int64"})) != digest
    assert data_digest(pd.concat([frame, frame.iloc[:1]])) != digest
    other = frame.iloc[::-1]
    same = all(_same(one, two) for name in frame for one, two in zip(frame[name], other[name], strict=True))
    assert (data_digest(other) == digest) == same


@given(tables(), st.integers(0, 6))
def test_digest_does_not_depend_on_how_data_is_cut(table: dict[str, list[Any]], cut: int) -> None:
    whole = pa.Table.from_pandas(_frame(table), preserve_index=False)
    digest = DataDigest()
    for piece in (whole.slice(0, cut), whole.slice(cut)):
        digest.update({name: piece[name].combine_chunks() for name in piece.column_names})
    assert digest.hexdigest() == data_digest(_frame(table))


def test_text_cannot_move_between_rows() -> None:
    assert data_digest(pd.DataFrame({"a": ["xy", "z"]})) != data_digest(pd.DataFrame({"a": ["x", "yz"]}))
    assert data_digest(pd.DataFrame({"a": ["", "x"]})) != data_digest(pd.DataFrame({"a": [None, "x"]}))


def test_digest_survives_storage_as_parquet(tmp_path: Path, patients: pd.DataFrame) -> None:
    frame = patients.assign(kind=patients["ward"].astype("category"), none=None)
    frame.to_parquet(tmp_path / "data.parquet")
    assert data_digest(pd.read_parquet(tmp_path / "data.parquet")) == data_digest(frame)


def test_digest_is_the_documented_one() -> None:
    frame = pd.DataFrame({"a": [-0.0, None], "b": [1, -2], "c": ["xy", "é"], "dé": [True, False]})

    def sha(data: bytes) -> bytes:
        return hashlib.sha256(data).digest()

    columns = {
        ("a", "double"): (b"\0\1", struct.pack("<2d", 0, 0), b""),
        ("b", "int64"): (b"\0\0", struct.pack("<2q", 1, -2), b""),
        ("c", "string"): (b"\0\0", "xyé".encode(), struct.pack("<2q", 2, 2)),
        ("dé", "bool"): (b"\0\0", b"\1\0", b""),
    }
    lines = [
        f"{len(name.encode())}:{name}:{kind}:{sha(b''.join(map(sha, parts))).hex()}\n"
        for (name, kind), parts in columns.items()
    ]
    assert data_digest(frame) == sha("".join(lines).encode()).hex()


@pytest.mark.parametrize(
    ("column", "reason"), [(["x", 1], "several types"), ([b"x", b"y"], "binary, which has no digest")]
)
def test_column_without_a_digest_is_refused_by_name(column: list[Any], reason: str) -> None:
    with pytest.raises(TypeError, match=f"column 'odd'.*{reason}"):
        data_digest(pd.DataFrame({"odd": column}))


def test_pieces_must_have_the_same_columns() -> None:
    digest = DataDigest()
    digest.update({"a": pa.array([1])})
    with pytest.raises(TypeError, match="columns changed"):
        digest.update({"a": pa.array([1.5])})


NAMES = st.text("abcXYZ019 ._-é", min_size=1, max_size=6).filter(lambda name: name.strip(". ") == name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(files=st.dictionaries(NAMES, st.binary(max_size=40), min_size=1, max_size=4), data=st.data())
def test_any_change_of_a_folder_changes_its_digest(
    tmp_path: Path, files: dict[str, bytes], data: st.DataObject
) -> None:
    folder = _written(tmp_path / "folder", files)
    digest = folder_digest(folder)
    assert folder_digest(_written(tmp_path / "copy", dict(reversed(files.items())))) == digest

    name = data.draw(st.sampled_from(sorted(files)))
    content = data.draw(st.binary(max_size=40))
    new_name = data.draw(NAMES)
    assume(content != files[name] and new_name not in files)
    others = {other: value for other, value in files.items() if other != name}
    assert folder_digest(_written(folder, {**others, name: content})) != digest
    assert folder_digest(_written(folder, {**others, new_name: files[name]})) != digest
    assert folder_digest(_written(folder, {**files, f"sub/{name}": content})) != digest


def _written(folder: Path, files: dict[str, bytes]) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_folder_digest_is_what_coreutils_print(tmp_path: Path) -> None:
    folder = _written(tmp_path / "f", {"b.json": b"{}", "a b.txt": b"x", "Z": b"", "sub/c": b"y", "é": b"z"})
    command = "find . -type f | sed 's|^[.]/||' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum"
    assert command in " ".join((folder_digest.__doc__ or "").split()).replace("'\\\\n'", "'\\n'")
    printed = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert printed.split()[0] == folder_digest(folder)


def test_folder_that_cannot_be_digested_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        folder_digest(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no file"):
        folder_digest(tmp_path / "empty")
    folder = _written(tmp_path / "linked", {"a": b"x"})
    (folder / "b").symlink_to(folder / "a")
    with pytest.raises(ValueError, match="is a link"):
        folder_digest(folder)
    with pytest.raises(ValueError, match="line break"):
        folder_digest(_written(tmp_path / "odd", {"a\nb": b"x"}))
