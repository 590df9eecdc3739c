"""Google Cloud: a bucket with a locked retention policy, which is the bucket's own and one for all that is in it."""

from __future__ import annotations

from governance.audit.clouds.gcp import GcsStore
from governance.audit.errors import StoreError
from governance.audit.store import check_key
from governance.backups.clouds import BackupCloud


class BackupBucket(GcsStore):
    """A bucket of backups."""

    def delete(self, key: str) -> None:
        """See :meth:`governance.backups.clouds.BackupStore.delete`."""
        wanted = self._prefix + check_key(key)
        versions = self._call(lambda: list(self._client.list_blobs(self._name, prefix=wanted, versions=True)), key)
        for blob in versions:
            if blob.name == wanted:
                self._delete_version(blob, key)

    def _delete_version(self, blob: object, key: str) -> None:
        from google.api_core.exceptions import NotFound

        try:
            self._call(blob.delete, key)  # type: ignore[attr-defined]  # Google's library comes without types
        except StoreError as error:
            if not isinstance(error.__cause__, NotFound):
                raise


class GcpBackups(BackupCloud):
    """Cloud Storage."""

    scheme = "gs"

    def open(self, bucket: str, prefix: str, days: int) -> BackupBucket:  # noqa: ARG002 (the bucket's own)
        """See :meth:`BackupCloud.open`."""
        return BackupBucket(bucket, prefix=prefix)


ADAPTER = GcpBackups()
