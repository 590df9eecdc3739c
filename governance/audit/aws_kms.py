"""Signing with an Ed25519 key of AWS KMS (key spec ``ECC_NIST_EDWARDS25519``), which never leaves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from governance.audit.errors import SignatureError
from governance.audit.signer import Verifier, checked, raw_ed25519

if TYPE_CHECKING:
    from botocore.client import BaseClient

_LONGEST_MESSAGE = 4096
"""Bytes that KMS signs as they are; it would take a hash of more, which is another kind of signature."""


class AwsKmsSigner:
    """A key of AWS KMS.

    Args:
        name: the log's name, under which it signs.
        key: id, ARN or alias (``alias/...``) of the key.
        region: of the key.
        client: a boto3 KMS client; made from the environment by default (``AWS_ENDPOINT_URL`` is honoured).

    Raises:
        SignatureError: the key cannot be used, or is of another kind.
    """

    def __init__(self, name: str, key: str, *, region: str | None = None, client: BaseClient | None = None) -> None:
        self._key = key
        self._kms: Any = client if client is not None else _client(region)
        found = self._call("get_public_key", KeyId=key)
        if found.get("KeySpec") != "ECC_NIST_EDWARDS25519" or found.get("KeyUsage") != "SIGN_VERIFY":
            raise SignatureError(
                f"The key {key} of AWS KMS is {found.get('KeySpec')} for {found.get('KeyUsage')}; the log signs with "
                "ECC_NIST_EDWARDS25519 for SIGN_VERIFY."
            )
        self._verifier = Verifier(name, raw_ed25519(found["PublicKey"], f"the key {key} of AWS KMS"))

    @property
    def verifier(self) -> Verifier:
        """The public key."""
        return self._verifier

    def sign(self, message: bytes) -> bytes:
        """See :meth:`governance.audit.signer.Signer.sign`.

        Raises:
            SignatureError: KMS refused or did not answer, or what it gave is no signature over ``message``.
        """
        if len(message) > _LONGEST_MESSAGE:
            raise SignatureError(
                f"AWS KMS signs at most {_LONGEST_MESSAGE} bytes, and {len(message)} were to be signed."
            )
        answer = self._call(
            "sign", KeyId=self._key, Message=message, MessageType="RAW", SigningAlgorithm="ED25519_SHA_512"
        )
        return checked(self._verifier, bytes(answer["Signature"]), message)

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = getattr(self._kms, operation)(**request)
        except (BotoCoreError, ClientError) as error:
            raise SignatureError(f"AWS KMS, key {self._key}: {error}") from error
        return answer


def _client(region: str | None) -> BaseClient:
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=20)
    return boto3.client("kms", region_name=region, config=config)
