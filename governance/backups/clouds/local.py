"""This machine as a cloud: a folder that only its owner enters. Nothing is locked; the log knows what was there."""

from __future__ import annotations

from pathlib import Path

from governance.audit.errors import StoreError
from governance.audit.store import LocalStore, check_key
from governance.backups.clouds import BackupCloud


class BackupFolder(LocalStore):
    """A folder of backups."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        super().__init__(root)
        self._folder_of_backups = root

    def delete(self, key: str) -> None:
        """See :meth:`governance.backups.clouds.BackupStore.delete`; folders that are empty then go as well."""
        file = self._folder_of_backups / check_key(key)
        try:
            file.unlink(missing_ok=True)
            for folder in file.parents:
                if folder == self._folder_of_backups or not folder.is_dir() or any(folder.iterdir()):
                    break
                folder.rmdir()
        except OSError as error:
            raise StoreError(f"{file} cannot be deleted: {error}") from error


class LocalBackups(BackupCloud):
    """Folders."""

    def open(self, bucket: str, prefix: str, days: int) -> BackupFolder:  # noqa: ARG002 (nothing is locked)
        """See :meth:`BackupCloud.open`; the folder is made."""
        return BackupFolder(Path(bucket) / prefix)


ADAPTER = LocalBackups()
