"""Signing with an Ed25519 key of Google Cloud KMS (algorithm ``EC_SIGN_ED25519``), which never leaves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from governance.audit.errors import SignatureError
from governance.audit.signer import Verifier, checked, raw_ed25519

if TYPE_CHECKING:
    from google.cloud.kms_v1 import KeyManagementServiceClient


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
        self._kms: Any = client if client is not None else _client()
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


def _client() -> KeyManagementServiceClient:
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.kms_v1 import KeyManagementServiceClient

    try:
        return KeyManagementServiceClient(transport="rest")
    except GoogleAuthError as error:
        raise SignatureError(f"Cloud KMS cannot be asked: {error}") from error
