"""People behind pseudonyms, so that they can be erased from a log that cannot be changed.

A person has a random key of their own. Their pseudonym is a keyed hash of who they are, and what is known about them
is encrypted with that key and kept beside the log, never in it. Destroying the key leaves a pseudonym that nobody can
tie to anyone and a box that nobody can open, while the log and its proofs stay as they are.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from environments.files import sha256_hex
from governance.audit.actor import Identity
from governance.audit.canonical import canonical
from governance.audit.errors import ActorError
from governance.audit.events import Actor
from governance.audit.layout import SUBJECTS
from governance.audit.store import Object, Store

_KEY_BYTES = 32
_NONCE_BYTES = 12


class KeyRing(Protocol):
    """Where the keys of subjects are kept: apart from the log, and able to forget."""

    def get(self, name: str) -> bytes | None:
        """Return the key called ``name``."""

    def create(self, name: str, key: bytes) -> bytes:
        """Keep ``key`` unless there is one already; the key that is kept."""

    def destroy(self, name: str) -> bool:
        """Forget a key; whether there was one."""

    def every(self) -> Iterator[tuple[str, bytes]]:
        """Return every name and key."""


class FileKeyRing:
    """One file a key (mode 0600) in a folder of its owner's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> bytes | None:
        """See :meth:`KeyRing.get`."""
        try:
            return self._file(name).read_bytes()
        except FileNotFoundError:
            return None

    def create(self, name: str, key: bytes) -> bytes:
        """See :meth:`KeyRing.create`."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._folder / f".{secrets.token_hex(8)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(key)
                out.flush()
                os.fsync(out.fileno())
            os.link(draft, self._file(name))
        except FileExistsError:
            return self._file(name).read_bytes()
        finally:
            draft.unlink()
        return key

    def destroy(self, name: str) -> bool:
        """See :meth:`KeyRing.destroy`. The file's bytes are overwritten first, for what that is worth on the disk."""
        doomed = self._folder / f".{secrets.token_hex(8)}"
        try:
            self._file(name).rename(doomed)  # at once, so that nobody can find a key of zeros
        except FileNotFoundError:
            return False
        with doomed.open("r+b") as out:
            out.write(bytes(_KEY_BYTES))
            out.flush()
            os.fsync(out.fileno())
        doomed.unlink()
        return True

    def every(self) -> Iterator[tuple[str, bytes]]:
        """See :meth:`KeyRing.every`."""
        for file in sorted(self._folder.glob("*.key")):
            yield file.stem, file.read_bytes()

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.key"


@dataclass(frozen=True)
class Subjects:
    """Pseudonyms and sealed details of the people who act on one log."""

    store: Store
    ring: KeyRing

    def actor(self, identity: Identity) -> Actor:
        """Return the pseudonymous actor for ``identity``, whose detail is sealed beside the log.

        The same person has the same pseudonym for as long as their key exists.

        Raises:
            StoreError: the detail could not be kept.
        """
        name = _ring_name(identity)
        key = self.ring.get(name) or self.ring.create(name, secrets.token_bytes(_KEY_BYTES))
        pseudonym = _pseudonym(key)
        plain = canonical({"detail": dict(identity.detail), "issuer": identity.issuer, "subject": identity.subject})
        detail = hmac.new(key, b"detail\n" + plain, sha256).hexdigest()[:32]
        if self.store.read(_detail_key(pseudonym, detail)) is None:
            nonce = secrets.token_bytes(_NONCE_BYTES)
            box = nonce + AESGCM(key).encrypt(nonce, plain, pseudonym.encode())
            # Whoever came first sealed the same detail.
            self.store.create_if_absent(Object(_detail_key(pseudonym, detail), base64.b64encode(box)))
        return Actor(id=pseudonym, source=identity.source, detail=detail)

    def known(self, identity: Identity) -> str | None:
        """Return the pseudonym of ``identity`` if it ever acted here; nothing is made or written."""
        key = self.ring.get(_ring_name(identity))
        return None if key is None else _pseudonym(key)

    def reveal(self, actor: Actor) -> Mapping[str, object]:
        """Return what was sealed about ``actor``: issuer, subject and detail.

        Raises:
            ActorError: the person was erased, or the record is missing or was altered.
        """
        key = next((key for _, key in self.ring.every() if _pseudonym(key) == actor.id), None)
        if key is None:
            raise ActorError(f"{actor.id} was erased, or its key is not on this machine.")
        sealed = self.store.read(_detail_key(actor.id, actor.detail)) if actor.detail else None
        if sealed is None:
            raise ActorError(f"There is no sealed record of {actor.id} in {self.store.place}.")
        try:
            box = base64.b64decode(sealed, validate=True)
            plain = AESGCM(key).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], actor.id.encode())
        except (ValueError, InvalidTag) as error:
            raise ActorError(f"The sealed record of {actor.id} in {self.store.place} was altered.") from error
        found: Mapping[str, object] = json.loads(plain)
        return found

    def erase(self, pseudonym: str) -> None:
        """Destroy the key of ``pseudonym``; nothing can be brought back after this.

        Raises:
            ActorError: no key on this ring belongs to it.
        """
        name = next((name for name, key in self.ring.every() if _pseudonym(key) == pseudonym), None)
        if name is None or not self.ring.destroy(name):
            raise ActorError(f"No key belongs to {pseudonym}: it was erased before, or its key is elsewhere.")


def _ring_name(identity: Identity) -> str:
    # Finds a person's key again. It is gone with the key, so it need not be keyed itself.
    return sha256_hex(f"{identity.issuer}\n{identity.subject}")[:32]


def _pseudonym(key: bytes) -> str:
    # The key is random and one person's, so a hash under it tells nothing about them to whoever lacks it.
    return f"subject-{hmac.new(key, b'pseudonym', sha256).hexdigest()[:32]}"


def _detail_key(pseudonym: str, detail: str) -> str:
    return f"{SUBJECTS}{pseudonym}/{detail}"
