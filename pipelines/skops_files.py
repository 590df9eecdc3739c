"""skops files that are the same bytes whenever the same model is written.

skops numbers what it writes by where it lay in memory, names files after those numbers or by chance, and writes the
time into the archive. A model's digest would then differ for every training, whatever was trained.
"""

from __future__ import annotations

import io
import json
from pathlib import PurePosixPath
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

SCHEMA = "schema.json"
_NUMBER, _FILE = "__id__", "file"


def repeatable(data: bytes) -> bytes:
    """Return the skops file ``data`` with its parts numbered and named in their order, and without times."""
    with ZipFile(io.BytesIO(data)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}
    schema = _renamed(json.loads(contents.pop(SCHEMA)), numbers, names, contents)
    written = io.BytesIO()
    with ZipFile(written, "w", compression=ZIP_DEFLATED) as archive:
        # A ZipInfo of its own has a fixed time; where a name is given, it is that of writing.
        for old, new in names.items():
            archive.writestr(ZipInfo(new), contents[old], compress_type=ZIP_DEFLATED)
        archive.writestr(ZipInfo(SCHEMA), json.dumps(schema, indent=2), compress_type=ZIP_DEFLATED)
    return written.getvalue()


def _renamed(part: Any, numbers: dict[int, int], names: dict[str, str], files: dict[str, bytes]) -> Any:
    if isinstance(part, list):
        return [_renamed(item, numbers, names, files) for item in part]
    if not isinstance(part, dict):
        return part
    renamed: dict[str, Any] = {}
    for key, value in part.items():
        if key == _NUMBER and isinstance(value, int):
            renamed[key] = numbers.setdefault(value, len(numbers) + 1)
        elif key == _FILE and isinstance(value, str) and value in files:
            renamed[key] = names.setdefault(value, f"{len(names) + 1}{PurePosixPath(value).suffix}")
        else:
            renamed[key] = _renamed(value, numbers, names, files)
    return renamed
