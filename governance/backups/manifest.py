"""What a backup consists of; its digest stands in the log."""

from __future__ import annotations

from typing import Literal

from pydantic import ValidationError

from environments.model import Cloud, EnvironmentName
from environments.strict import StrictModel
from governance.audit.canonical import canonical
from governance.audit.events import Count, Digest, Reference, UtcTime
from governance.backups.databases import Format
from governance.backups.errors import BackupError
from governance.backups.inventory import Inventory
from governance.core.digests import content_digest

MANIFEST = "manifest.json"
DATABASE, STAGES, CHECKPOINT, KEYS = "database", "stages", "checkpoint", "keys"
"""Names of parts that every backup has; those of tracking stores begin with :data:`TRACKING`."""
TRACKING = "tracking-"


Holder = Literal["server", "store"]
"""Whose database it is: the server's of the checkout, or the store's that commands use without one."""


class Chunk(StrictModel):
    """A piece of a part: one object."""

    key: str
    digest: Digest
    size: Count


class Part(StrictModel):
    """One file of a backup."""

    chunks: tuple[Chunk, ...]
    digest: Digest
    """Of all chunks, one after the other."""
    size: Count
    format: Format | None = None
    """Of a database's dump."""
    inventory: Inventory | None = None


class Manifest(StrictModel):
    """What one backup holds, and of what."""

    backup: Reference
    origin: str
    """The name of the log that knows it: that of one environment on one cloud."""
    environment: EnvironmentName
    cloud: Cloud
    holder: Holder
    """Whose the database is."""
    made: UtcTime
    zenml: str
    """Version that wrote the database, as the package is called; likewise the next."""
    tracker: str | None
    secrets_key: str | None = None
    """What tells the key that values of the server's secrets are encrypted with from others; it is not in here."""
    log_size: Count
    log_root: str
    """Root of the log's tree up to ``log_size``, in hexadecimal."""
    parts: dict[str, Part]

    def encode(self) -> bytes:
        """Return the bytes that are kept."""
        return canonical(self.model_dump(mode="json", exclude_none=True))

    @property
    def digest(self) -> str:
        """SHA-256 of what :meth:`encode` gives."""
        return content_digest(self.encode())

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.size for part in self.parts.values())


def read_manifest(data: bytes, backup: str) -> Manifest:
    """Return the manifest of ``backup`` in ``data``.

    Raises:
        BackupError: it is damaged, or another backup's.
    """
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        raise BackupError(f"The manifest of backup {backup} is damaged.") from error
    if manifest.backup != backup:
        raise BackupError(f"The manifest of backup {backup} is that of {manifest.backup}.")
    return manifest
