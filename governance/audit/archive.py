"""A log, or an extract of it, in a zip file."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from governance.audit.errors import StoreError
from governance.audit.layout import LARGEST

DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)
"""What reading a zip file raises, whatever its bytes are."""


class Archive:
    """Objects of a log in a zip file, for reading."""

    def __init__(self, file: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except DAMAGED as error:
            raise StoreError(f"{file} is no export of a log: {error}") from error
        self._file = file
        self.members = sorted(name for name in self._zip.namelist() if not name.endswith("/"))
        """Every name, as often as it is there."""

    @property
    def place(self) -> str:
        """The file."""
        return str(self._file)

    def read(self, key: str) -> bytes | None:
        """Read an object's bytes; nothing where the archive is damaged, which no check then takes for an entry."""
        try:
            member = self._zip.getinfo(key)
            plain = member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            return self._zip.read(member) if plain and member.file_size <= LARGEST else b""
        except KeyError:
            return None
        except DAMAGED:
            return b""

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        """See :meth:`governance.audit.store.Readable.list`."""
        yield from (name for name in dict.fromkeys(self.members) if name.startswith(prefix) and name > after)


_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""What zip files can say at the least: equal logs give equal archives."""


def write_archive(file: Path, objects: Iterator[tuple[str, bytes]]) -> None:
    """Write ``objects`` to the zip file ``file``, whole or not at all.

    Raises:
        StoreError: the file cannot be written.
    """
    draft = file.with_name(f".{file.name}.part")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            for key, data in objects:
                archive.writestr(zipfile.ZipInfo(key, _EARLIEST), data, zipfile.ZIP_DEFLATED)
        draft.replace(file)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
