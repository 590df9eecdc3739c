"""The code that travels with a run to where its steps begin: what they may need of the checkout, with bytecode.

ZenML packs every file that git knows, and no bytecode: each step's process would unpack twice as much, and compile
whatever it imports, before it begins.
"""

from __future__ import annotations

import importlib.util
import marshal
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from zenml.utils import code_utils
from zenml.utils.archivable import ArchiveType
from zenml.utils.source_utils import set_custom_source_root

from environments import CHECKOUT

_LEFT_OUT = frozenset({".ci", ".github", "docs", "infra", "tests"})
"""Folders of the checkout that no step reads."""
_CHECKED_HASH = (0b11).to_bytes(4, "little")
"""Flags of bytecode that counts only while its source has the hash in its header (PEP 552)."""


class CheckoutArchive(code_utils.CodeArchive):
    """What ZenML packs of a folder, without what no step reads, and with bytecode of what this process imported of it.

    Python compares the source's hash before it uses such bytecode, and another version of Python ignores it.
    """

    _bytecode: Path | None = None
    """Folder for the time in which the archive is written."""

    def get_files(self) -> dict[str, str]:
        """Return every file by its path in the archive."""
        found = super().get_files()
        kept = {inside: file for inside, file in found.items() if Path(inside).parts[0] not in _LEFT_OUT}
        return kept if self._bytecode is None else {**kept, **_compiled(kept, self._bytecode)}

    def write_archive(self, output_file: IO[bytes], archive_type: ArchiveType = ArchiveType.TAR_GZ) -> None:
        """Write the archive to ``output_file``."""
        with TemporaryDirectory(prefix="groundwork-bytecode-") as folder:
            self._bytecode = Path(folder)
            try:
                super().write_archive(output_file, archive_type)
            finally:
                self._bytecode = None


def use_code_of(checkout: Path = CHECKOUT) -> None:
    """Let ZenML find steps by module name from ``checkout``, whoever started us, and pack of it what steps need."""
    set_custom_source_root(str(checkout))
    code_utils.CodeArchive = CheckoutArchive  # type: ignore[misc]  # ZenML has no setting for what is packed


def _compiled(files: dict[str, str], folder: Path) -> dict[str, str]:
    """Compile those ``files`` that this process has imported into ``folder``; return the bytecode in the same way."""
    specs = [getattr(module, "__spec__", None) for module in tuple(sys.modules.values())]
    imported = {os.path.realpath(spec.origin) for spec in specs if spec is not None and spec.has_location}
    made = {}
    for inside, file in files.items():
        if os.path.realpath(file) in imported:
            cached = importlib.util.cache_from_source(inside, optimization="")
            _compile(Path(file), inside, folder / cached)
            made[cached] = str(folder / cached)
    return made


def _compile(source: Path, inside: str, target: Path) -> None:
    """Write bytecode of ``source`` to ``target``; it names the file as ``inside`` the archive, not as this machine."""
    text = source.read_bytes()
    code = marshal.dumps(compile(text, inside, "exec", dont_inherit=True, optimize=0))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(importlib.util.MAGIC_NUMBER + _CHECKED_HASH + importlib.util.source_hash(text) + code)
    modified = source.stat().st_mtime
    os.utime(target, (modified, modified))  # the archive of the same code is the same, and is not uploaded again
