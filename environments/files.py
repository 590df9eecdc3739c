"""Replacing files whole, and the SHA-256 of what they hold."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path


def replace_file(file: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Replace ``file`` in one move, so that a reader sees the old or the new one, never a part of it.

    Args:
        file: what to write; missing folders are made.
        content: all of it; text is written as UTF-8, with the line ends that it has.
        mode: the file's permissions.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as fresh:
            fresh.write(content.encode() if isinstance(content, str) else content)
            os.fchmod(handle, mode)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def replace_if_changed(file: Path, content: str | bytes, *, mode: int = 0o644) -> bool:
    """Replace ``file`` as :func:`replace_file` does, but only when it holds something else. Return whether it did.

    Raises:
        OSError: it cannot be read or written.
    """
    wanted = content.encode() if isinstance(content, str) else content
    if file.is_file() and file.read_bytes() == wanted:
        return False
    replace_file(file, wanted, mode=mode)
    return True


def sha256_hex(content: str | bytes) -> str:
    """Return the SHA-256 of ``content`` (text as UTF-8) in hexadecimal."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def file_sha256(file: Path) -> str:
    """Return the SHA-256 of what ``file`` holds in hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    with file.open("rb") as held:
        return hashlib.file_digest(held, "sha256").hexdigest()
