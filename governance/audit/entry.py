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
from hashlib import sha256

from pydantic import Field, ValidationError

from environments.strict import StrictModel
from governance.audit.canonical import canonical
from governance.audit.errors import TamperedError
from governance.audit.events import SCHEMA_VERSION, AnyEvent, Event, UtcTime
from governance.audit.signer import Signer, Verifier, signed_by

_OPEN = b'{"entry":'
_MARK = b',"signature":"'
_CLOSE = b'"}'
_END = re.compile(rb',"schema":\d+,"sequence":(0|[1-9]\d{0,15})\},"signature":"([A-Za-z0-9+/]{86}==)"\}\Z')
_LONGEST_END = 200
"""Bytes within which ``_END`` matches."""


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
        """The object to store at ``sequence``; ``recorded`` is in RFC 3339. Keys are in canonical order already."""
        middle = f'{recorded}","schema":{SCHEMA_VERSION},"sequence":{sequence}}}'
        inner = self._head + middle.encode()
        signature = base64.b64encode(signer.sign(_signed_message(inner, origin)))
        return _OPEN + inner + _MARK + signature + _CLOSE


def _signed_message(inner: bytes, origin: str) -> bytes:
    # The first line keeps this apart from every other kind of text that the same key signs. Of the entry its hash is
    # signed, since key services take short messages only (AWS KMS: 4,096 bytes).
    return f"groundwork audit entry v1\n{origin}\n{sha256(inner).hexdigest()}\n".encode()


def sequence_in(data: bytes) -> int | None:
    """The sequence number that the object ``data`` claims, read without parsing all of it."""
    end = _end_of(data)
    return int(end[1]) if end else None


def is_signed(data: bytes, keys: Sequence[Verifier], origin: str) -> bool:
    """Whether one of ``keys`` signed the entry ``data`` for the log ``origin``."""
    end = _end_of(data)
    if end is None:
        return False
    signature = base64.b64decode(end[2])
    inner = data[len(_OPEN) : end.start(2) - len(_MARK)]
    # Encoding again refuses the spare bits of base64, in which two texts mean the same bytes.
    return base64.b64encode(signature) == end[2] and signed_by(keys, signature, _signed_message(inner, origin))


def _end_of(data: bytes) -> re.Match[bytes] | None:
    return _END.search(data, max(0, len(data) - _LONGEST_END)) if data.startswith(_OPEN) else None


def event_id_in(data: bytes) -> str:
    """The id of the event in a signed entry, read without checking the rest."""
    return str(json.loads(data)["entry"]["event"]["id"])


def decode(data: bytes, sequence: int) -> Entry:
    """The entry in the object stored at ``sequence``. Its signature is not checked here.

    Raises:
        TamperedError: it is no entry, or that of another number.
    """
    try:
        entry = Entry.model_validate(json.loads(data)["entry"])
    except (ValueError, KeyError, TypeError) as error:
        what = f"{error.error_count()} fields are wrong" if isinstance(error, ValidationError) else str(error)
        raise TamperedError(
            f"Entry {sequence} is no entry of schema {SCHEMA_VERSION} or earlier: {what}.", sequence
        ) from error
    if entry.sequence != sequence:
        raise TamperedError(f"The object for entry {sequence} holds entry {entry.sequence}.", sequence)
    return entry
