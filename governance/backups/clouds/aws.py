"""AWS: an S3 bucket with Object Lock. COMPLIANCE mode keeps every object for the days that the settings name."""

from __future__ import annotations

from governance.audit.clouds.aws import S3Store
from governance.audit.store import check_key
from governance.backups.clouds import BackupCloud


class BackupBucket(S3Store):
    """A bucket of backups."""

    def delete(self, key: str) -> None:
        """See :meth:`governance.backups.clouds.BackupStore.delete`."""
        wanted = self._prefix + check_key(key)
        pages = iter(self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=wanted))
        while (page := self._call(lambda: next(pages, None), key)) is not None:
            for found in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                if found["Key"] == wanted:
                    self._delete_version(key, found["VersionId"])

    def _delete_version(self, key: str, version: str) -> None:
        self._call(lambda: self._s3.delete_object(Bucket=self._bucket, Key=self._prefix + key, VersionId=version), key)


class AwsBackups(BackupCloud):
    """S3."""

    scheme = "s3"

    def open(self, bucket: str, prefix: str, days: int) -> BackupBucket:
        """See :meth:`BackupCloud.open`."""
        return BackupBucket(bucket, {"logs": days, "documentation": days}, prefix=prefix)


ADAPTER = AwsBackups()
