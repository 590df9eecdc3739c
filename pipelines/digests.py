"""SHA-256 digests of data and of folders, which a third party can compute again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.columns import all_finite

if TYPE_CHECKING:
    import pandas as pd


class DataDigest:
    """SHA-256 of a table that arrives in pieces; how it is cut into pieces does not matter.

    The digest is SHA-256 over one line ``<bytes in name>:<name>:<type>:<column digest>`` and a line feed for each
    column, in order. A column's digest is SHA-256 over the 96 bytes of three others: of its missing values (one byte a
    row, 1 where null or NaN), of its values and, of text, of their lengths. Integers are int64 (``uint64`` is its own
    type), floats float64 with -0.0 as 0.0, booleans one byte, all little endian and zero where missing; text is UTF-8,
    with lengths in bytes as int64. The types are int64, uint64, double, bool, string and null (no value at all). Order
    counts, of rows and columns; the index of a frame does not.
    """

    def __init__(self) -> None:
        self._schema: list[tuple[str, str]] | None = None
        self._hashes: list[tuple[hashlib._Hash, ...]] = []

    def update(self, columns: Mapping[str, pa.Array]) -> None:
        """Add rows, given as one Arrow array for each column.

        Raises:
            TypeError: a column's type has no digest, or differs from an earlier piece.
        """
        plain = {name: _plain(name, array) for name, array in columns.items()}
        schema = [(name, kind) for name, (kind, _) in plain.items()]
        if self._schema is None:
            self._schema = schema
            self._hashes = [tuple(hashlib.sha256() for _ in range(3)) for _ in schema]
        elif schema != self._schema:
            raise TypeError(f"columns changed from {self._schema} to {schema}")
        for (missing, values, lengths), (_, array) in zip(self._hashes, plain.values(), strict=True):
            missing.update(array.is_null().cast(pa.uint8()).to_numpy() if array.null_count else bytes(len(array)))
            if pa.types.is_large_string(array.type):
                filled = array.fill_null("")
                lengths.update(pc.binary_length(filled).to_numpy(zero_copy_only=False))
                values.update(_characters(filled))
            elif not pa.types.is_null(array.type):
                values.update(array.fill_null(0).to_numpy(zero_copy_only=False))

    def hexdigest(self) -> str:
        """Return the digest of all rows so far, in hexadecimal."""
        whole = hashlib.sha256()
        for (name, kind), parts in zip(self._schema or [], self._hashes, strict=True):
            column = hashlib.sha256(b"".join(part.digest() for part in parts)).hexdigest()
            whole.update(f"{len(name.encode())}:{name}:{kind}:{column}\n".encode())
        return whole.hexdigest()


def data_digest(frame: pd.DataFrame) -> str:
    """Return the SHA-256 of a frame's columns and rows, as :class:`DataDigest` defines it.

    Raises:
        TypeError: a column holds values of several types, or of a type that has no digest.
    """
    digest = DataDigest()
    columns = {}
    for name in frame.columns:
        try:
            columns[str(name)] = pa.Array.from_pandas(frame[name])
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise TypeError(f"column {name!r} holds values of several types: {error}") from error
    digest.update(columns)
    return digest.hexdigest()


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 of a folder: its files' names and contents, however they are stored or dated.

    It is what this prints, run inside the folder::

        find . -type f | sed 's|^[.]/||' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum

    that is, SHA-256 over one line ``<sha256 of content>  <relative path with slashes>`` and a line feed for each
    file, in byte order of the paths. Empty folders do not count.

    Raises:
        FileNotFoundError: there is no such folder, or it holds no file.
        ValueError: it holds a link or a name that ``sha256sum`` would escape.
    """
    contents = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise ValueError(f"{path} is a link; a folder with a digest holds files only")
        if path.is_file():
            with path.open("rb") as file:
                contents[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    if not contents:
        raise FileNotFoundError(f"{folder} does not exist or holds no file")
    return combine_digests(contents)


def combine_digests(contents: Mapping[str, str]) -> str:
    """Return the folder digest of files given as relative path and SHA-256 of the content, in hexadecimal.

    Raises:
        ValueError: a name holds a backslash or a line break, which ``sha256sum`` would escape.
    """
    whole = hashlib.sha256()
    for name in sorted(contents, key=str.encode):
        if any(character in name for character in "\\\n\r"):
            raise ValueError(f"the file name {name!r} holds a backslash or a line break")
        whole.update(f"{contents[name]}  {name}\n".encode())
    return whole.hexdigest()


def _characters(text: pa.Array) -> pa.Buffer | bytes:
    """Return the UTF-8 of all rows of a ``large_string`` array without a null, one after the other."""
    _, positions, characters = text.buffers()
    if characters is None:
        return b""
    at = np.frombuffer(positions, dtype=np.int64, count=len(text) + 1, offset=8 * text.offset)
    return characters.slice(int(at[0]), int(at[-1] - at[0]))


def _plain(name: str, array: pa.Array) -> tuple[str, pa.Array]:
    """Return the name of the column's type, and its values as one of the few types that are hashed."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _plain(name, array.dictionary_decode())
    if pa.types.is_floating(kind):
        numbers = array.cast(pa.float64())
        positive_zero = pc.add(numbers, 0.0)  # which turns -0.0 into 0.0
        if not all_finite(numbers):
            positive_zero = pc.if_else(pc.is_nan(numbers), None, positive_zero)
        return "double", positive_zero
    if pa.types.is_uint64(kind):
        return "uint64", array
    if pa.types.is_integer(kind):
        return "int64", array.cast(pa.int64())
    if pa.types.is_boolean(kind):
        return "bool", array.cast(pa.uint8())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "string", array.cast(pa.large_string())
    if pa.types.is_null(kind):
        return "null", array
    raise TypeError(f"column {name!r} is of type {kind}, which has no digest")
