"""Local paths of names that somebody else chose: objects in a bucket, members of an archive, files of a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from unicodedata import category, normalize

from pipelines.errors import PipelineError

_LONGEST_PART = 255
"""Bytes that a file system takes."""


class UnsafeNameError(PipelineError):
    """A name could lead out of its folder, or be another file's on another machine."""


def local_paths(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Return where below ``folder`` each of ``names``, which use slashes, is kept.

    Raises:
        UnsafeNameError: a name is absolute, climbs, names a drive, has a backslash, a control character, an empty or
            overlong part or one that ends in a dot or space; two differ by case or Unicode normalisation only; or
            what is there already is a link.
    """
    found: dict[str, Path] = {}
    spelt: dict[str, str] = {}
    for name in names:
        parts = checked_name(name).split("/")
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            # Folding twice, since folding may undo a normalisation.
            same = spelt.setdefault(normalize("NFKC", normalize("NFKC", path).casefold()).casefold(), path)
            if same != path:
                raise UnsafeNameError(f"{name!r} and {same!r} in {folder} are one file where case does not count")
            if (folder / path).is_symlink():
                raise UnsafeNameError(f"{folder / path} is a link; only files are followed")
        found[name] = folder / name
    return found


def checked_name(name: str) -> str:
    """Return ``name`` if it is that of a file below any folder, on every machine.

    Raises:
        UnsafeNameError: it is not; :func:`local_paths` says which are not.
    """
    if all(map(_is_plain, name.split("/"))):
        return name
    raise UnsafeNameError(f"{name!r} is no name of a file below a folder; find out who wrote it")


def _is_plain(part: str) -> bool:
    # Surrogates are of category C, as control characters are.
    if not part or part[-1] in ". " or any(character in "\\:" or category(character)[0] == "C" for character in part):
        return False
    return len(part.encode()) <= _LONGEST_PART
