"""Signing keys of the log: Ed25519, from a file here, from key services in ``clouds``.

Public keys are written in the C2SP signed-note form, ``<name>+<key id>+<base64 of algorithm and key>``.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from environments.files import replace_file
from governance.audit.errors import SignatureError

_ED25519 = b"\x01"
"""Algorithm byte of Ed25519 in C2SP signed notes."""


@dataclass(frozen=True)
class Verifier:
    """A public key and the name it signs under."""

    name: str
    key: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that lead a signature of this key (C2SP signed-note)."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.key).digest()[:4]

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Return whether ``signature`` over ``message`` is by this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.key).decode()}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Parse the key that ``text`` spells.

        Raises:
            SignatureError: it is no Ed25519 key in signed-note form, or its key id is not that of the key.
        """
        parts = text.strip().split("+", 2)
        try:
            name, key_id, raw = parts[0], parts[1], base64.b64decode(parts[2], validate=True)
        except (IndexError, ValueError):
            raise SignatureError(f"{text.strip()!r} is no public key of the form name+id+base64.") from None
        verifier = cls(name, raw[1:])
        if not name or raw[:1] != _ED25519 or len(raw) != 33 or verifier.key_id.hex() != key_id:
            raise SignatureError(f"{text.strip()!r} is no Ed25519 key in signed-note form, or it was altered.")
        return verifier


def read_public_keys(file: Path) -> tuple[Verifier, ...]:
    """Read the keys in ``file``, one a line; more than one when the key was rotated.

    Raises:
        SignatureError: the file is missing, empty or holds something else.
    """
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SignatureError(f"The log's public key cannot be read: {file}: {error}") from error
    keys = tuple(Verifier.parse(line) for line in lines if line.strip())
    if not keys:
        raise SignatureError(f"{file} holds no public key.")
    return keys


def signed_by(keys: Sequence[Verifier], signature: bytes, message: bytes) -> bool:
    """Return whether any of ``keys`` signed ``message``."""
    return any(key.verify(signature, message) for key in keys)


class Signer(Protocol):
    """What signs entries and checkpoints. A key service implements this with two calls."""

    @property
    def verifier(self) -> Verifier:
        """The public key."""

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature (64 bytes, RFC 8032, no pre-hash) over ``message``."""


def checked(verifier: Verifier, signature: bytes, message: bytes) -> bytes:
    """Return ``signature`` if it holds: a key service that answers for another key must not spoil the log.

    Raises:
        SignatureError: it does not.
    """
    if not verifier.verify(signature, message):
        raise SignatureError(f"The key service gave no signature of {verifier.name}'s key; nothing was signed.")
    return signature


def raw_ed25519(der_or_pem: bytes, what: str) -> bytes:
    """Return the 32 bytes of an Ed25519 public key (SubjectPublicKeyInfo, DER or PEM), as key services give it.

    Raises:
        SignatureError: it is another kind of key.
    """
    load = load_pem_public_key if der_or_pem.startswith(b"-----BEGIN") else load_der_public_key
    try:
        key = load(der_or_pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureError(f"The public key of {what} cannot be read: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SignatureError(f"{what} is another kind of key; the log signs with Ed25519.")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def publish_key(key: Verifier, file: Path) -> None:
    """Write the public ``key`` of the private key ``file`` beside it, keeping keys of earlier rotations."""
    public = file.with_suffix(".pub")
    known = read_public_keys(public) if public.exists() else ()
    if key not in known:
        public.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(public, "".join(f"{known_key}\n" for known_key in (*known, key)))


class FileSigner:
    """A key in a PEM file (PKCS #8) that only its owner can read."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        if not name or any(c.isspace() or c == "+" for c in name):
            raise SignatureError(f"A key's name must be free of spaces and '+': {name!r}.")
        self._key = key
        self._verifier = Verifier(name, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def verifier(self) -> Verifier:
        """The public key."""
        return self._verifier

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature over ``message``."""
        return self._key.sign(message)

    @classmethod
    def create(cls, file: Path, name: str) -> FileSigner:
        """Make a key in ``file`` (mode 0600) and its public key beside it as ``<stem>.pub``.

        Raises:
            FileExistsError: there is a key already; it is never replaced.
        """
        signer = cls(name, Ed25519PrivateKey.generate())
        with signer._draft(file) as draft:
            os.link(draft, file)
        signer.publish(file)
        return signer

    @classmethod
    def replace(cls, file: Path, name: str) -> FileSigner:
        """Put a new key in the place of the one in ``file``, whose public key stays known. Nobody can undo this."""
        signer = cls(name, Ed25519PrivateKey.generate())
        with signer._draft(file) as draft:
            signer.publish(file)  # first, so that there is never a signature that nobody can check
            draft.replace(file)
        return signer

    @contextmanager
    def _draft(self, file: Path) -> Iterator[Path]:
        """Write the private key to a file of its own beside ``file``, so that no process ever loads half a key."""
        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(pem)
                out.flush()
                os.fsync(out.fileno())
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    def publish(self, file: Path) -> None:
        """Write the public key of ``file`` beside it, keeping keys of earlier rotations."""
        publish_key(self._verifier, file)

    @classmethod
    def load(cls, file: Path, name: str) -> FileSigner:
        """Load the key in ``file``.

        Raises:
            SignatureError: the file is missing, readable by others, or no Ed25519 key.
        """
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & 0o077:
                raise SignatureError(f"{file} can be read by others (mode {mode:o}). Run: chmod 600 {file}")
            key = load_pem_private_key(file.read_bytes(), password=None)
        except OSError as error:
            raise SignatureError(f"The log's signing key cannot be read: {error}") from error
        except (ValueError, TypeError) as error:
            raise SignatureError(f"{file} is no unencrypted private key in PEM form.") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SignatureError(f"{file} holds another kind of key; the log signs with Ed25519.")
        return cls(name, key)
