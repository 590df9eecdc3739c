"""Checkpoints: what the log was at one size, signed (C2SP tlog-checkpoint in a C2SP signed note)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from governance.audit.errors import SignatureError
from governance.audit.merkle import HASH_BYTES
from governance.audit.signer import Signer, Verifier

_DASH = "\N{EM DASH} "


@dataclass(frozen=True)
class Checkpoint:
    """Origin, number of entries and Merkle root of a log."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def signed(self, signer: Signer) -> bytes:
        """Sign this checkpoint as a note. Ed25519 is deterministic, so equal checkpoints give equal notes."""
        return sign_note(self.body(), signer)


def sign_note(text: str, signer: Signer) -> bytes:
    """Sign ``text`` (lines, each ended by a newline) as a note with one signature."""
    key = signer.verifier
    signature = base64.b64encode(key.key_id + signer.sign(text.encode())).decode()
    return f"{text}\n{_DASH}{key.name} {signature}\n".encode()


def open_note(note: bytes, keys: Sequence[Verifier]) -> str:
    """Return the text of ``note`` once one of ``keys`` is seen to have signed it; other signatures are skipped.

    Raises:
        SignatureError: it is no signed note, or none of ``keys`` signed it.
    """
    try:
        text, mark, signatures = note.decode().rpartition("\n\n")
    except UnicodeDecodeError:
        raise SignatureError("A signed note is text in UTF-8.") from None
    if not mark or not signatures.endswith("\n"):
        raise SignatureError("A signed note ends with an empty line and signatures.")
    text += "\n"
    held = False
    for line in signatures[:-1].split("\n"):
        name, blob = _signature_line(line)
        for key in keys:
            if key.name == name and key.key_id == blob[:4]:
                if not key.verify(blob[4:], text.encode()):
                    raise SignatureError(f"The signature by {name} does not hold.")
                held = True
    if not held:
        raise SignatureError(f"No signature by {' or '.join(key.name for key in keys)}.")
    return text


def _signature_line(line: str) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except ValueError:  # also of what is not ASCII
        blob = b""
    # Encoding again refuses the spare bits of base64, in which two texts mean the same bytes.
    if not (line.startswith(_DASH) and name and space and blob) or base64.b64encode(blob).decode() != encoded:
        raise SignatureError("A signature line is malformed.")
    return name, blob


def open_checkpoint(note: bytes, keys: Sequence[Verifier], origin: str) -> Checkpoint:
    """Return the checkpoint in ``note``, after its signature and origin are checked.

    Raises:
        SignatureError: it is no checkpoint of ``origin`` signed by one of ``keys``.
    """
    lines = open_note(note, keys).split("\n")
    try:
        found_origin, size, root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
    except (IndexError, ValueError) as error:
        raise SignatureError("A checkpoint has three lines: origin, size and root hash.") from error
    checkpoint = Checkpoint(found_origin, size, root)
    if checkpoint.body() != "\n".join(lines) or size < 0 or len(root) != HASH_BYTES:
        raise SignatureError("A checkpoint has three lines: origin, size and root hash.")
    if found_origin != origin:
        raise SignatureError(f"This is a checkpoint of {found_origin!r}, not of {origin!r}.")
    return checkpoint
