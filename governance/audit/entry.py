"""One object of the log: an event with its sequence number and the time of recording, signed.

    {"entry":{"event":{...},"recorded":"...","schema":1,"sequence":7},"signature":"..."}

All of it is canonical JSON, and all of it is the leaf of the Merkle tree. The signature covers the hash of the inner
object and the log's origin. It lets a writer that finds entries without a checkpoint, as a crash leaves them, tell its
own from one that somebody slipped into the store; without it, the next checkpoint would vouch for the stranger.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence

from pydantic import Field, ValidationError

from environments.files import sha256_hex
from environments.strict import StrictModel
from governance.audit.canonical import canonical
from governance.audit.errors import TamperedError
from governance.audit.events import SCHEMA_VERSION, AnyEvent, Event, UtcTime
from governance.audit.signer import Signer, Verifier, signed_by

_OPEN = b'{"entry":'
_MARK = b',"signature":"'
_CLOSE = b'"}'
_ENTRY = re.compile(
    rb'\{"entry":(\{.*,"schema":[0-9]{1,9},"sequence":(0|[1-9][0-9]{0,9})\}),"signature":"([A-Za-z0-9+/]{86}==)"\}',
    re.DOTALL,
)


class Entry(StrictModel):
    """An event as it stands in the log."""

    sequence: int = Field(ge=0)
    recorded: UtcTime
    schema_version: int = Field(alias="schema", ge=1, le=SCHEMA_VERSION)
    event: AnyEvent


class Draft:
    """An event made ready for writing, so that losing the race for a number costs little."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self._head = b'{"event":' + canonical(event.content()) + b',"recorded":"'

    def encode(self, sequence: int, recorded: str, signer: Signer, origin: str) -> bytes:
        """Return the object to store at ``sequence``; ``recorded`` is RFC 3339. Keys are in canonical order already."""
        middle = f'{recorded}","schema":{SCHEMA_VERSION},"sequence":{sequence}}}'
        inner = self._head + middle.encode()
        signature = base64.b64encode(signer.sign(_signed_message(inner, origin)))
        return _OPEN + inner + _MARK + signature + _CLOSE


def _signed_message(inner: bytes, origin: str) -> bytes:
    # The first line keeps this apart from every other kind of text that the same key signs. Of the entry its hash is
    # signed, since key services take short messages only (AWS KMS: 4,096 bytes).
    return f"groundwork audit entry v1\n{origin}\n{sha256_hex(inner)}\n".encode()


def sequence_in(data: bytes) -> int | None:
    """Return the sequence number that the object ``data`` claims, read without parsing all of it."""
    match = _ENTRY.fullmatch(data)
    return int(match[2]) if match else None


def is_signed(data: bytes, keys: Sequence[Verifier], origin: str) -> bool:
    """Return whether one of ``keys`` signed the entry ``data`` for the log ``origin``."""
    match = _ENTRY.fullmatch(data)
    if match is None:
        return False
    signature = base64.b64decode(match[3])
    # Encoding again refuses the spare bits of base64, in which two texts mean the same bytes.
    return base64.b64encode(signature) == match[3] and signed_by(keys, signature, _signed_message(match[1], origin))


def event_id_in(data: bytes) -> str:
    """Return the id of the event in a signed entry, read without checking the rest."""
    return str(json.loads(data)["entry"]["event"]["id"])


def decode(data: bytes, sequence: int) -> Entry:
    """Return the entry in the object stored at ``sequence``. Its signature is not checked here.

    Raises:
        TamperedError: it is no entry, or that of another number.
    """
    try:
        entry = Entry.model_validate(json.loads(data)["entry"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        what = f"{error.error_count()} fields are wrong" if isinstance(error, ValidationError) else str(error)
        raise TamperedError(
            f"Entry {sequence} is no entry of schema {SCHEMA_VERSION} or earlier: {what}.", sequence
        ) from error
    if entry.sequence != sequence:
        raise TamperedError(f"The object for entry {sequence} holds entry {entry.sequence}.", sequence)
    return entry
