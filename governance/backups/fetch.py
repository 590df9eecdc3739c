"""Fetching the parts of a backup, each held against the manifest, and the manifest against what is installed here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from packaging.version import Version

from governance.backups.clouds import BackupStore
from governance.backups.errors import BackupError
from governance.backups.make import Progress
from governance.backups.manifest import DATABASE, Manifest, Part
from governance.backups.records import digest_of
from governance.core.digests import content_digest

_REVISION = re.compile(r"""^revision\s*(?::\s*str\s*)?=\s*["']([^"']+)["']""", re.MULTILINE)


def fetch(store: BackupStore, manifest: Manifest, folder: Path, progress: Progress) -> dict[str, Path]:
    """Fetch every part into ``folder`` and return the files by the parts' names.

    Raises:
        BackupError: a part is missing, cut off or altered.
        StoreError: the place of backups does not answer.
    """
    files = {}
    for name, part in manifest.parts.items():
        files[name] = folder / f"{name}.part"
        files[name].touch(mode=0o600)
        with files[name].open("wb") as file:
            found = digest_of(_written(file.write, _chunks(store, manifest, part, name, progress)))
        if found != part.digest:
            raise BackupError(f"Part {name} of backup {manifest.backup} is not what the manifest says.")
    return files


def require_readable(manifest: Manifest) -> None:
    """Go on only if the ZenML that is installed here can use the database in the backup.

    Raises:
        BackupError: a newer one wrote it.
    """
    installed = version("zenml")
    held = manifest.parts[DATABASE].inventory
    revision = held.revision if held else None
    newer = Version(manifest.zenml) > Version(installed)
    if newer or (revision is not None and revision not in _known_revisions()):
        raise BackupError(
            f"Backup {manifest.backup} is of ZenML {manifest.zenml} (schema {revision}), and {installed} is installed "
            "here, which cannot read it. Install the newer one first."
        )


def _chunks(store: BackupStore, manifest: Manifest, part: Part, name: str, progress: Progress) -> Iterator[bytes]:
    done = 0
    for chunk in part.chunks:
        data = store.read(chunk.key)
        where = f"Part {name} of backup {manifest.backup} ({chunk.key} in {store.place})"
        if data is None:
            raise BackupError(f"{where} is missing.")
        if len(data) != chunk.size:
            raise BackupError(f"{where} is cut off or grew: it has {len(data)} bytes, not {chunk.size}.")
        if content_digest(data) != chunk.digest:
            raise BackupError(f"{where} was altered.")
        done += len(data)
        progress(f"{name}: fetching", done)
        yield data


def _written(write: object, chunks: Iterator[bytes]) -> Iterator[bytes]:
    for data in chunks:
        write(data)  # type: ignore[operator]
        yield data


def _known_revisions() -> set[str]:
    """Return the revisions of ZenML's schema that the installed one knows, without importing it."""
    spec = find_spec("zenml")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0]) / "zen_stores" / "migrations" / "versions"
    files = (file.read_text(encoding="utf-8") for file in folder.glob("*.py"))
    return {found[1] for text in files if (found := _REVISION.search(text))}
