"""The log in an S3 bucket with Object Lock: nobody, not even the account's root user, deletes a record early.

Creation is conditional (``If-None-Match: *``), so two writers cannot both get a number. Retention is COMPLIANCE mode
for the days of the record's class, counted from writing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from governance.audit.errors import StoreError
from governance.audit.events import now
from governance.audit.store import Object, Retention, check_key

if TYPE_CHECKING:
    from botocore.client import BaseClient

_Result = TypeVar("_Result")
_CONFLICTS = 5
"""Times that a write is repeated which met another one in flight (HTTP 409)."""


class S3Store:
    """Objects below ``prefix`` of a bucket that has Object Lock.

    Args:
        bucket: its name.
        retention: days that each class of record is locked; ``None`` locks nothing, for an anchor's bucket that has
            a default retention of its own.
        prefix: leads every key; empty or ending in a slash.
        legal_hold: whether new objects are put on legal hold as well.
        client: a boto3 S3 client; made from the environment by default (``AWS_ENDPOINT_URL`` is honoured).
    """

    def __init__(
        self,
        bucket: str,
        retention: Retention | None,
        *,
        prefix: str = "",
        legal_hold: bool = False,
        region: str | None = None,
        client: BaseClient | None = None,
    ) -> None:
        self._bucket = bucket
        self._retention = retention
        self._prefix = prefix
        self._legal_hold = legal_hold
        self._s3: Any = client if client is not None else _client(region)

    @property
    def place(self) -> str:
        """URL of the bucket and prefix."""
        return f"s3://{self._bucket}/{self._prefix}"

    def create_if_absent(self, item: Object) -> bool:
        """See :meth:`governance.audit.store.Store.create_if_absent`."""
        from botocore.exceptions import ClientError

        request: dict[str, Any] = {"Key": self._prefix + check_key(item.key), "Body": item.data, "IfNoneMatch": "*"}
        if self._retention is not None:
            until = now() + timedelta(days=self._retention[item.record_class])
            request |= {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
        if self._legal_hold:
            request["ObjectLockLegalHoldStatus"] = "ON"
        for attempt in range(_CONFLICTS):
            try:
                self._call(lambda: self._s3.put_object(Bucket=self._bucket, **request), item.key)
            except StoreError as error:
                code = _code(error.__cause__) if isinstance(error.__cause__, ClientError) else ""
                if code == "ConditionalRequestConflict" and attempt + 1 < _CONFLICTS:
                    time.sleep(0.05 * 2**attempt)
                    continue
                if code == "PreconditionFailed":
                    return self.read(item.key) == item.data
                raise
            return True
        raise AssertionError("unreachable: the last attempt returns or raises")

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
        from botocore.exceptions import ClientError

        try:
            return self._call(
                lambda: bytes(self._s3.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read()), key
            )
        except StoreError as error:
            if isinstance(error.__cause__, ClientError) and _code(error.__cause__) == "NoSuchKey":
                return None
            raise

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        """See :meth:`governance.audit.store.Readable.list`."""
        request = {"Bucket": self._bucket, "Prefix": self._prefix + prefix}
        if after:
            request["StartAfter"] = self._prefix + after
        pages = iter(self._s3.get_paginator("list_objects_v2").paginate(**request))
        while (page := self._call(lambda: next(pages, None), prefix)) is not None:
            for found in page.get("Contents", []):
                yield str(found["Key"]).removeprefix(self._prefix)

    def set_legal_hold(self, key: str, *, on: bool) -> None:
        """See :meth:`governance.audit.store.HoldsObjects.set_legal_hold`."""
        status = "ON" if on else "OFF"
        self._call(
            lambda: self._s3.put_object_legal_hold(
                Bucket=self._bucket, Key=self._prefix + key, LegalHold={"Status": status}
            ),
            key,
        )

    def _call(self, request: Callable[[], _Result], key: str) -> _Result:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return request()
        except (BotoCoreError, ClientError) as error:
            raise StoreError(f"{self.place}{key}: {error}") from error


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _client(region: str | None) -> BaseClient:
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=20)
    return boto3.client("s3", region_name=region, config=config)
