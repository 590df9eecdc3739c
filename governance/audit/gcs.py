"""The log in a Cloud Storage bucket with a locked retention policy: nobody deletes a record early.

Creation is conditional (``ifGenerationMatch=0``), so two writers cannot both get a number. Retention is the bucket's
own, one for all records and as long as the longest class asks for: ``infra/modules/gcp/audit-store`` locks it. A legal
hold is a temporary hold on the object, which outlives the retention until it is released.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any, TypeVar

from governance.audit.errors import StoreError
from governance.audit.store import Object, check_key

_Result = TypeVar("_Result")
_TIMEOUT_SECONDS = 20


class GcsStore:
    """Objects below ``prefix`` of a bucket.

    Args:
        bucket: its name.
        prefix: leads every key; empty or ending in a slash.
        project: that pays for the requests.
        client: a ``google.cloud.storage.Client``; by default one with the credentials of the process
            (``STORAGE_EMULATOR_HOST`` is honoured).

    Raises:
        StoreError: there are no credentials.
    """

    def __init__(self, bucket: str, *, prefix: str = "", project: str | None = None, client: Any = None) -> None:
        self._name = bucket
        self._prefix = prefix
        self._client = client if client is not None else _client(project)
        self._bucket = self._client.bucket(bucket)

    @property
    def place(self) -> str:
        """URL of the bucket and prefix."""
        return f"gs://{self._name}/{self._prefix}"

    def create_if_absent(self, item: Object) -> bool:
        """See :meth:`governance.audit.store.Store.create_if_absent`."""
        from google.api_core.exceptions import PreconditionFailed

        blob = self._bucket.blob(self._prefix + check_key(item.key))
        try:
            self._call(
                # Conditional, so the client may repeat it: what was written by a lost answer reads the same.
                lambda: blob.upload_from_string(
                    item.data,
                    content_type="application/octet-stream",
                    if_generation_match=0,
                    checksum="crc32c",
                    timeout=_TIMEOUT_SECONDS,
                ),
                item.key,
            )
        except StoreError as error:
            if isinstance(error.__cause__, PreconditionFailed):
                return self.read(item.key) == item.data
            raise
        return True

    def create_in_order(self, items: Sequence[Object]) -> int:
        """See :meth:`governance.audit.store.Store.create_in_order`. One request after the other, so that no gap can
        be left between two numbers.
        """
        for held, item in enumerate(items):
            if not self.create_if_absent(item):
                return held
        return len(items)

    def read(self, key: str) -> bytes | None:
        """See :meth:`governance.audit.store.Readable.read`."""
        from google.api_core.exceptions import NotFound

        blob = self._bucket.blob(self._prefix + key)
        try:
            return self._call(lambda: bytes(blob.download_as_bytes(timeout=_TIMEOUT_SECONDS)), key)
        except StoreError as error:
            # A bucket that is missing must not look like an empty log.
            if isinstance(error.__cause__, NotFound) and "No such object" in str(error.__cause__):
                return None
            raise

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        """See :meth:`governance.audit.store.Readable.list`."""
        start = self._prefix + after if after else None
        pages = self._client.list_blobs(
            self._name, prefix=self._prefix + prefix, start_offset=start, timeout=_TIMEOUT_SECONDS
        ).pages
        while (page := self._call(lambda: next(pages, None), prefix)) is not None:
            for blob in page:
                key = str(blob.name).removeprefix(self._prefix)
                if key > after:  # the offset itself is included
                    yield key

    def set_legal_hold(self, key: str, *, on: bool) -> None:
        """See :meth:`governance.audit.store.HoldsObjects.set_legal_hold`."""
        blob = self._bucket.blob(self._prefix + key)
        blob.temporary_hold = on
        self._call(lambda: blob.patch(timeout=_TIMEOUT_SECONDS), key)

    def _call(self, request: Callable[[], _Result], key: str) -> _Result:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from requests.exceptions import RequestException

        try:
            return request()
        except (GoogleAPIError, GoogleAuthError, RequestException) as error:
            raise StoreError(f"{self.place}{key}: {error}") from error


def _client(project: str | None) -> Any:
    from google.auth.exceptions import GoogleAuthError

    storage: Any = import_module("google.cloud.storage")  # by name, as it comes without types
    try:
        return storage.Client(project=project)
    except GoogleAuthError as error:
        raise StoreError(f"Cloud Storage cannot be asked: {error}") from error
