"""Reading CSV, plain or gzipped: types that the reader asks for, and errors by line, column and value."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from pipelines.columns import EXACT_INTEGERS, INEXACT, describe_type, find_inexact
from pipelines.sources.description import FileSource
from pipelines.sources.files import open_file
from pipelines.sources.table import ConversionError, DataSourceError, Table, refuse_repeated

_BLOCK: Final = 1 << 20
_LARGEST_BLOCK: Final = 1 << 27
"""Bytes of the longest row that is read: a quote that is never closed must not fill the memory."""

_ROW: Final = re.compile(r"Row #(\d+): ")
_CONVERSION: Final = re.compile(r"In CSV column #(\d+): (?:Row #(\d+): )?CSV conversion error", re.DOTALL)
_UNDECODED: Final = re.compile("[\udc80-\udcff]")
_ADVICE: Final = "; if the file is in another encoding, say so in the config, such as source.encoding: latin-1"
_INTEGER: Final = r"^-?(0|[1-9][0-9]*)$"
_NUMBER: Final = r"^-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_BOOLEAN: Final = pa.array(["true", "false", "True", "False", "TRUE", "FALSE"])


def open_csv(source: FileSource, types: Mapping[str, pa.DataType | None] | None) -> Table:
    """Open a CSV file, whose first line names its columns.

    A column takes its type from ``types``: text when it is not listed, and the type that all of its values fit when it
    is listed with None or when ``types`` is None. That type is integer or number only if every value is written as one
    usually is, so that ``007`` is text. An empty field is a missing value. In text nothing else is; in a number ``NA``,
    ``NaN``, ``null`` and what else Arrow knows is missing too.

    Raises:
        DataSourceError: it is no CSV file of this form; to find types all of it is read now, and the columns of
            ``types`` are kept.
    """
    file = _CsvFile(source, _header(source))
    listed = {name: kind for name, kind in (types or dict.fromkeys(file.names)).items() if name in file.names}
    kept = file.find_types(listed) if None in listed.values() else []
    found = {field.name: field.type for field in kept[0].schema} if kept else listed
    schema = pa.schema([(name, found.get(name) or pa.string()) for name in file.names])

    def read(names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        if kept and set(names) <= set(found):
            return (batch.select(list(names)) for batch in kept)
        return file.read({name: schema.field(name).type for name in names})

    return Table(source.path, schema, read)


def _header(source: FileSource) -> list[str]:
    """Return the columns' names."""
    try:
        with _records(source) as records:
            names = next((record for record, _ in records), [])
    except (UnicodeError, csv.Error) as error:
        raise DataSourceError(f"{source.path}: the first line is not a CSV header: {error}") from error
    if any(map(_UNDECODED.search, names)):
        raise DataSourceError(
            f"{source.path}: the first line is not a CSV header: it is not {source.encoding}{_ADVICE}"
        )
    if not names:
        raise DataSourceError(f"{source.path}: is empty")
    refuse_repeated(source.path, names)
    other = next((mark for mark in ";\t|," if mark != source.separator and mark in names[0]), None)
    if len(names) == 1 and other:
        raise DataSourceError(
            f"{source.path}: the header is one column, {names[0]!r}; if the separator is {other!r}, say so in the "
            "config: source.separator"
        )
    return names


@dataclass(frozen=True)
class _CsvFile:
    source: FileSource
    names: list[str]

    def read(self, types: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        """Read the columns of ``types``, in blocks that hold at least a row.

        Several threads read until something is wrong; then one reads that block again, as only its errors name the row.
        """
        rows, block, checked, threads = 0, _BLOCK, False, True
        while True:
            try:
                for batch in self._blocks(types, block, rows, threads):
                    if not checked and any(_beyond_exact(values) for values in batch.columns):
                        self._refuse_inexact([name for name, kind in types.items() if pa.types.is_floating(kind)])
                        checked = True
                    yield batch
                    rows += batch.num_rows
                return
            except pa.ArrowInvalid as error:
                if "straddl" not in str(error):
                    if threads:
                        threads = False
                        continue
                    raise self._explain(str(error)) from error
                block *= 8
                if block > _LARGEST_BLOCK:
                    self._refuse_unclosed_quote()
                    raise DataSourceError(
                        f"{self.source.path}: a row is longer than {_LARGEST_BLOCK >> 20} MB"
                    ) from error
            except UnicodeError as error:
                raise self._undecodable(str(error)) from error
            except (OSError, EOFError) as error:
                raise DataSourceError(f"{self.source.path}: cannot be read to its end: {error}") from error

    def find_types(self, types: Mapping[str, pa.DataType | None]) -> list[pa.RecordBatch]:
        """Read the columns of ``types``; one whose type is None gets the type that all of its values fit."""
        batches = list(self.read({name: kind or pa.string() for name, kind in types.items()}))
        found = {}
        for name in (name for name, kind in types.items() if kind is None):
            values = pc.unique(pa.chunked_array([batch[name] for batch in batches], pa.string())).drop_null()
            fitting = (kind for kind, fits in _FITS.items() if fits(values, self.source.decimal))
            found[name] = next(fitting) if len(values) else pa.null()
        return [
            pa.RecordBatch.from_pydict(
                {name: self._found(batch[name], found.get(name), name) for name in types},
            )
            for batch in batches
        ]

    def _found(self, values: pa.Array, kind: pa.DataType | None, name: str) -> pa.Array:
        """Give text the type that was found for it."""
        if kind is None or kind == values.type:
            return values
        if kind != pa.float64():
            return pa.nulls(len(values)) if kind == pa.null() else values.cast(kind)
        numbers = pc.replace_substring(values, self.source.decimal, ".").cast(kind)
        if _beyond_exact(numbers):
            self._refuse_inexact([name])
        return numbers

    def _blocks(
        self, types: Mapping[str, pa.DataType], block: int, skip: int, threads: bool
    ) -> Iterator[pa.RecordBatch]:
        """Read blocks of ``block`` bytes, without the first ``skip`` rows."""
        options = pyarrow.csv.ReadOptions(use_threads=threads, encoding=_arrow_encoding(self.source), block_size=block)
        form = pyarrow.csv.ParseOptions(delimiter=self.source.separator, newlines_in_values=True)
        convert = pyarrow.csv.ConvertOptions(
            column_types={name: _read_as(kind) for name, kind in types.items()},
            include_columns=list(types),
            decimal_point=self.source.decimal,
        )
        with open_file(self.source.path) as file:
            quotes = _Quotes(pa.CompressedInputStream(file, "gzip") if self.source.path.endswith(".gz") else file)
            seen = 0
            for batch in pyarrow.csv.open_csv(pa.PythonFile(quotes, mode="r"), options, form, convert):
                start, seen = seen, seen + batch.num_rows
                if seen > skip:
                    yield self._convert(batch.slice(max(0, skip - start)), types, seen)
            if quotes.odd:
                self._refuse_unclosed_quote()

    def _convert(self, batch: pa.RecordBatch, types: Mapping[str, pa.DataType], rows: int) -> pa.RecordBatch:
        """Give columns that were read as text their type; empty text is missing."""
        columns = []
        for name, kind in types.items():
            values = batch[name]
            if pa.types.is_string(values.type):
                values = pc.if_else(pc.equal(values, ""), None, values)
                try:
                    values = _CONVERT.get(kind, lambda same: same)(values)
                except pa.ArrowInvalid:
                    raise self._unconverted(name, kind, values, rows - len(values)) from None
            columns.append(values)
        return pa.RecordBatch.from_arrays(columns, names=list(types))

    def _unconverted(self, name: str, kind: pa.DataType, values: pa.Array, before: int) -> ConversionError:
        for row, value in enumerate(values):
            try:
                _CONVERT[kind](pa.array([value.as_py()], pa.string()))
            except pa.ArrowInvalid:
                return self._mismatch(name, kind, value.as_py(), self._line(before + row + 2))
        raise AssertionError("a value of the column does not convert")

    def _mismatch(self, name: str, kind: pa.DataType, value: str, line: int | None) -> ConversionError:
        where = f" in line {line}" if line else ""
        hint = ""
        if pa.types.is_floating(kind) and self.source.decimal == "." and re.fullmatch(r"-?\d+,\d+", value.strip()):
            hint = '; if the decimal mark is a comma, say so in the config: source.decimal: ","'
        return ConversionError(
            self.source.path, f"column {name!r}: expected {describe_type(kind)}, found {value!r}{where}{hint}"
        )

    def _explain(self, message: str) -> DataSourceError:
        """Return Arrow's message with line, column and value."""
        row = _ROW.search(message)
        number = int(row[1]) if row else None
        fields, line = self._record(number) if number else ([], None)
        if found := _CONVERSION.search(message):
            # Arrow numbers the columns that it was asked for as the file does.
            name = self.names[int(found[1])]
            value = fields[int(found[1])] if int(found[1]) < len(fields) else message
            if _UNDECODED.search(value):
                return self._undecodable(message)
            expected = re.search(r"conversion error to (\w+)", message)
            kind = pa.bool_() if expected and expected[1] == "bool" else pa.float64()
            return self._mismatch(name, kind, value, line)
        if line is not None and len(fields) != len(self.names):
            shown = self.source.separator.join(fields)
            return DataSourceError(
                f"{self.source.path}: line {line}: expected {len(self.names)} fields, found {len(fields)}: "
                f"{shown[:80]!r}{'...' if len(shown) > 80 else ''}"
            )
        return DataSourceError(f"{self.source.path}: {message}")

    def _undecodable(self, message: str) -> DataSourceError:
        """Return an error that names the first field whose bytes are not of the encoding."""
        try:
            with _records(self.source) as records:
                for fields, line in records:
                    for name, value in zip(self.names, fields, strict=False):
                        if bad := _UNDECODED.search(value):
                            shown = _UNDECODED.sub("�", value)
                            return DataSourceError(
                                f"{self.source.path}: column {name!r}: {shown!r} in line {line} holds the byte "
                                f"0x{ord(bad[0]) - 0xDC00:02x}, which is not {self.source.encoding}{_ADVICE}"
                            )
        except UnicodeError:
            pass  # an encoding of several bytes a character stops where it cannot go on: Arrow's message has to do
        return DataSourceError(f"{self.source.path}: {message}{_ADVICE}")

    def _refuse_unclosed_quote(self) -> None:
        """Refuse a quote that is opened and never closed, which takes all that follows for one field."""
        line = 0
        try:
            with _records(self.source, strict=True) as records:
                for _, start in records:
                    line = start
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise DataSourceError(
                    f"{self.source.path}: a quote is opened in the row after that of line {line} and never closed"
                ) from error

    def _refuse_inexact(self, names: list[str]) -> None:
        """Refuse an integer that a number of 64 bits rounds; Arrow has rounded it, so the text decides."""
        places = [self.names.index(name) for name in names]
        with _records(self.source) as records:
            next(records)
            for fields, line in records:
                for place in places:
                    if text := find_inexact([fields[place].strip()]):
                        name = self.names[place]
                        raise ConversionError(self.source.path, f"column {name!r}: {text} in line {line} {INEXACT}")

    def _record(self, number: int) -> tuple[list[str], int | None]:
        """Return the fields and the line of a row; the header is row 1 and empty lines are none."""
        with _records(self.source) as records:
            for count, (fields, line) in enumerate(records, start=1):
                if count == number:
                    return fields, line
        return [], None

    def _line(self, number: int) -> int | None:
        return self._record(number)[1]


class _Quotes:
    """A file that remembers whether an odd number of quotes was read from it."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.odd = False
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        content: bytes = self._file.read(size)
        self.odd ^= bool(content.count(b'"') % 2)
        return content

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


@contextmanager
def _records(source: FileSource, *, strict: bool = False) -> Iterator[Iterator[tuple[list[str], int]]]:
    """Read rows with the line that each starts in, by Python's own reader: slow, for the header and for errors."""
    limit = csv.field_size_limit(_LARGEST_BLOCK)
    file: IO[bytes] = open_file(source.path)
    try:
        opened: Any = gzip.GzipFile(fileobj=file) if source.path.endswith(".gz") else file
        encoding = "utf-8-sig" if source.encoding == "utf-8" else source.encoding
        with TextIOWrapper(opened, encoding=encoding, errors="surrogateescape", newline="") as text:
            yield _numbered(text, source, strict)
    except (OSError, EOFError) as error:
        raise DataSourceError(f"{source.path}: cannot be read: {error}") from error
    finally:
        csv.field_size_limit(limit)
        file.close()


def _numbered(text: TextIOWrapper, source: FileSource, strict: bool) -> Iterator[tuple[list[str], int]]:
    reader, start = csv.reader(text, delimiter=source.separator, strict=strict), 1
    for fields in reader:
        if fields:
            yield fields, start
        start = reader.line_num + 1


def _arrow_encoding(source: FileSource) -> str:
    return "utf8" if source.encoding == "utf-8" else source.encoding


def _read_as(kind: pa.DataType) -> pa.DataType:
    """Return the type that Arrow is to read, where it reads this one as a file may write it."""
    return kind if kind in (pa.float64(), pa.bool_(), pa.null()) else pa.string()


def _beyond_exact(values: pa.Array) -> bool:
    """Return whether a number is so large that not every integer of its size is a float64."""
    if not pa.types.is_floating(values.type):
        return False
    numbers = values.to_numpy(zero_copy_only=False)  # NaN, which is not larger than anything, where missing
    return bool((np.abs(numbers) >= EXACT_INTEGERS).any())


def _to_integers(texts: pa.Array) -> pa.Array:
    """Read integers, also as pandas writes them beside missing ones: ``1.0``."""
    try:
        return texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return pc.replace_substring_regex(texts, r"\.0+$", "").cast(pa.int64())


def _to_times(texts: pa.Array) -> pa.Array:
    """Read ISO 8601 dates and times; those with an offset become UTC."""
    try:
        return texts.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return texts.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))


_CONVERT: Final[dict[pa.DataType, Callable[[pa.Array], pa.Array]]] = {
    pa.int64(): _to_integers,
    pa.timestamp("us"): _to_times,
}


def _matches(pattern: str) -> Callable[[pa.Array, str], bool]:
    return lambda values, _: bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())


def _are_numbers(values: pa.Array, decimal: str) -> bool:
    return _matches(_NUMBER.replace(r"\.", re.escape(decimal)))(values, decimal)


def _are_integers(values: pa.Array, decimal: str) -> bool:
    if not _matches(_INTEGER)(values, decimal):
        return False
    try:
        values.cast(pa.int64())
    except pa.ArrowInvalid:
        return False
    return True


_FITS: Final[dict[pa.DataType, Callable[[pa.Array, str], bool]]] = {
    pa.bool_(): lambda values, _: bool(pc.all(pc.is_in(values, value_set=_BOOLEAN)).as_py()),
    pa.int64(): _are_integers,
    pa.float64(): _are_numbers,
    pa.string(): lambda *_: True,
}
"""The types that a column may turn out to have, the most special first."""
