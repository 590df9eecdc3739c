"""Google Cloud: the log in a bucket with a locked retention policy, signed by an Ed25519 key of Cloud KMS.

Nobody deletes a record early: retention is the bucket's own, one for all records and as long as the longest class asks
for; ``infra/modules/gcp/audit-store`` locks it. A legal hold is a temporary hold on the object, which outlives the
retention until it is released. Creation is conditional (``ifGenerationMatch=0``), so two writers cannot both get a
number. The key (algorithm ``EC_SIGN_ED25519``) never leaves Cloud KMS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from environments import audit_key_version
from governance.audit.clouds import AuditCloud
from governance.audit.errors import SignatureError, StoreError
from governance.audit.signer import Verifier, checked, raw_ed25519
from governance.audit.store import Object, Retention, check_key

if TYPE_CHECKING:
    from google.cloud.kms_v1 import KeyManagementServiceClient

    from environments import Environment
    from environments.names import Names
    from governance.audit.location import Location

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
        self._client = client if client is not None else _storage(project)
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


class GcpKmsSigner:
    """A version of a key of Cloud KMS.

    Args:
        name: the log's name, under which it signs.
        key: ``projects/.../locations/.../keyRings/.../cryptoKeys/.../cryptoKeyVersions/...``.
        client: made with the credentials of the process by default.

    Raises:
        SignatureError: the key cannot be used, or is of another kind.
    """

    def __init__(self, name: str, key: str, *, client: KeyManagementServiceClient | None = None) -> None:
        self._key = key
        self._kms: Any = client if client is not None else _kms()
        found = self._call("get_public_key", {"name": key})
        self._verifier = Verifier(name, raw_ed25519(found.pem.encode(), f"the key {key}"))

    @property
    def verifier(self) -> Verifier:
        """The public key."""
        return self._verifier

    def sign(self, message: bytes) -> bytes:
        """See :meth:`governance.audit.signer.Signer.sign`.

        Raises:
            SignatureError: Cloud KMS refused or did not answer, or what it gave is no signature over ``message``.
        """
        # Ed25519 hashes by itself, so the message goes as data and not as a digest.
        answer = self._call("asymmetric_sign", {"name": self._key, "data": message})
        return checked(self._verifier, bytes(answer.signature), message)

    def _call(self, operation: str, request: dict[str, Any]) -> Any:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError

        try:
            return getattr(self._kms, operation)(request=request, timeout=20)
        except (GoogleAPIError, GoogleAuthError) as error:
            raise SignatureError(f"Cloud KMS, key {self._key}: {error}") from error


def _kms() -> KeyManagementServiceClient:
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.kms_v1 import KeyManagementServiceClient

    try:
        return KeyManagementServiceClient(transport="rest")
    except GoogleAuthError as error:
        raise SignatureError(f"Cloud KMS cannot be asked: {error}") from error


def _storage(project: str | None) -> Any:
    from google.auth.exceptions import GoogleAuthError

    storage: Any = import_module("google.cloud.storage")  # by name, as it comes without types
    try:
        return storage.Client(project=project)
    except GoogleAuthError as error:
        raise StoreError(f"Cloud Storage cannot be asked: {error}") from error


class GcpAudit(AuditCloud):
    """Cloud Storage and Cloud KMS."""

    scheme = "gs"

    def store(self, where: Location, names: Names) -> GcsStore:
        """See :meth:`AuditCloud.store`."""
        assert where.environment.gcp is not None
        return GcsStore(names.audit_store, project=where.environment.gcp.project_id)

    def anchor(self, bucket: str, prefix: str, retention: Retention) -> GcsStore:  # noqa: ARG002 (the bucket's own)
        """See :meth:`AuditCloud.anchor`."""
        return GcsStore(bucket, prefix=prefix)

    def service_key(self, environment: Environment) -> str | None:
        """See :meth:`AuditCloud.service_key`; the name of the one that Terraform makes is computed as it does."""
        section = environment.gcp
        assert section is not None
        if section.audit_key != "managed":
            return section.audit_key
        return audit_key_version(
            environment.environment, environment.prefix, project=section.project_id, region=section.region
        )

    def service_signer(self, origin: str, key: str, environment: Environment) -> GcpKmsSigner:  # noqa: ARG002 (in key)
        """See :meth:`AuditCloud.service_signer`."""
        return GcpKmsSigner(origin, key)


ADAPTER = GcpAudit()
