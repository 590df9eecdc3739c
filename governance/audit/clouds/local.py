"""This machine as a cloud: the log is a folder, and so is an anchor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from governance.audit.clouds import AuditCloud
from governance.audit.store import LocalStore, Retention

if TYPE_CHECKING:
    from environments.names import Names
    from governance.audit.location import Location


class LocalAudit(AuditCloud):
    """Folders, and no key service."""

    def store(self, where: Location, names: Names) -> LocalStore:
        """See :meth:`AuditCloud.store`."""
        return LocalStore(where.ground / "environments" / names.folder / "audit")

    def anchor(self, bucket: str, prefix: str, retention: Retention) -> LocalStore:  # noqa: ARG002 (nothing is locked)
        """See :meth:`AuditCloud.anchor`; the folder is made."""
        folder = Path(bucket) / prefix
        folder.mkdir(parents=True, exist_ok=True)
        return LocalStore(folder)


ADAPTER = LocalAudit()
