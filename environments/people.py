"""Who people are: ``people.yaml``, where a person's addresses, accounts and keys stand together, once.

Roles stand in the teams' files, by address. What OpenSSH calls allowed signers is derived from this, so that there is
one place to change. A name or key has one spelling, and belongs to one person: nobody passes for two.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, model_validator

from environments.strict import StrictModel

PEOPLE_FILE = "people.yaml"

ADDRESS_PATTERN = r"^[a-z0-9._+'-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+$"
"""Plain letters: those of other scripts look like them, and a reviewer must see whom a change names."""

_PUBLIC_PART = {
    "ssh-ed25519": (1, 32),
    "sk-ssh-ed25519@openssh.com": (1, 32),
    "ecdsa-sha2-nistp256": (2, 65),
    "ecdsa-sha2-nistp384": (2, 97),
    "ecdsa-sha2-nistp521": (2, 133),
    "sk-ecdsa-sha2-nistp256@openssh.com": (2, 65),
    "ssh-rsa": (2, None),
}
"""The types of keys that sign: which field of their wire form (RFC 4253, 6.6) no two keys share, and its bytes."""


def canonical_name(name: str) -> str:
    """Return the one spelling of an address or account.

    An address is in small letters and without a final dot, an account's number without zeros before it, and letters
    that only look different (full width) are plain ones.
    """
    name = unicodedata.normalize("NFKC", name).strip()
    kind, colon, rest = name.partition(":")
    if colon and kind.lower() in ("github", "account"):
        return f"{kind.lower()}:{int(rest) if kind.lower() == 'github' and rest.isdecimal() else rest}"
    return name.rstrip(".").lower()


def _one_spelling(name: object) -> object:
    if isinstance(name, str) and name != (plain := canonical_name(name)):
        raise ValueError(
            f"{name!r} is another spelling of {plain!r}, by which one person could pass for two; write {plain!r}"
        )
    return name


def _one_key(text: str) -> str:
    public_part(text)
    return text


Address = Annotated[
    str,
    Field(pattern=ADDRESS_PATTERN, max_length=254),
    BeforeValidator(_one_spelling),
]
Account = Annotated[
    str,
    Field(
        pattern=r"^(?:github:[1-9][0-9]*|account:\S+)$",
        max_length=100,
        description="github:<numeric id>, as OIDC tokens of CI jobs name it, or account:<login on a machine>.",
    ),
    BeforeValidator(_one_spelling),
]


class PersonKey(StrictModel):
    """A public SSH key that signs for a person, and from when until when."""

    key: Annotated[str, AfterValidator(_one_key)] = Field(description="Type and base64, as in a .pub file: no comment.")
    valid_after: AwareDatetime | None = Field(default=None, description="What it signed before counts for nothing.")
    valid_before: AwareDatetime | None = Field(default=None, description="What it signs from then on is refused.")

    @model_validator(mode="after")
    def _some_time_is_left(self) -> PersonKey:
        if self.valid_after and self.valid_before and self.valid_after >= self.valid_before:
            raise ValueError("valid_after must be before valid_before")
        return self


class PersonSettings(StrictModel):
    """One person, under the address that they are called by."""

    emails: tuple[Address, ...] = Field(default=(), description="Further addresses of theirs.")
    accounts: tuple[Account, ...] = ()
    keys: tuple[PersonKey, ...] = ()


class PeopleSettings(StrictModel):
    """Everybody who may sign or be told apart: people by the address that they are called by."""

    people: dict[Address, PersonSettings] = Field(default={})

    @model_validator(mode="after")
    def _nobody_is_two(self) -> PeopleSettings:
        for problem in shared(self.people):
            raise ValueError(problem)
        return self


def addresses(email: str, person: PersonSettings) -> tuple[str, ...]:
    """Return every address of the person called ``email``, that one first."""
    return (email, *person.emails)


def shared(people: Mapping[str, PersonSettings]) -> Iterator[str]:
    """Say which address, account or key is given twice, and whose it is; nothing where everybody is one person."""
    owner: dict[str, str] = {}
    for email, person in people.items():
        own: set[str] = set()
        for thing, said in _belongings(email, person):
            if owner.setdefault(thing, email) != email:
                yield f"{said!r} is {owner[thing]}'s and {email}'s; what two people share tells neither apart"
            elif thing in own:
                yield f"{email}: {said!r} is given twice"
            own.add(thing)


def merged(declared: Mapping[str, PersonSettings], here: Mapping[str, PersonSettings]) -> dict[str, PersonSettings]:
    """Return ``declared`` people with what ``here`` adds to them, and whom it adds.

    Somebody of ``here`` who has an address, account or key of one who is declared is that person.

    Raises:
        ValueError: two people would be one.
    """
    found = dict(declared)
    for email, person in here.items():
        own = dict(_belongings(email, person)).keys()
        same = [called for called, known in declared.items() if own & dict(_belongings(called, known)).keys()]
        if len(same) > 1:
            raise ValueError(f"{email} has what belongs to {' and '.join(same)}, who are two people")
        called = same[0] if same else email
        found[called] = joined(called, [*([found[called]] if same else []), person], email)
    for problem in shared(found):
        raise ValueError(problem)
    return found


def joined(called: str, parts: Sequence[PersonSettings], *emails: str) -> PersonSettings:
    """Return one person of all that stands in ``parts``, called by the address ``called``, with ``emails`` too."""
    every = dict.fromkeys([*(name for part in parts for name in part.emails), *emails])
    return PersonSettings(
        emails=tuple(name for name in every if name != called),
        accounts=tuple(dict.fromkeys(name for part in parts for name in part.accounts)),
        keys=tuple({key.key: key for part in reversed(parts) for key in part.keys}.values()),
    )


def _belongings(email: str, person: PersonSettings) -> Iterator[tuple[str, str]]:
    """Return each address, account and key in the form that is compared, and as it is written.

    Accounts that differ by capitals only are taken for the same: on some machines they are.
    """
    for name in (*addresses(email, person), *person.accounts):
        yield name.lower(), name
    for key in person.keys:
        yield public_part(key.key), key.key


def public_part(text: str) -> str:
    """Return what makes the key in ``text`` (type and base64) another one than all others, in hexadecimal.

    Raises:
        ValueError: it is no public key for signing, or is spelt in another way than ssh-keygen does.
    """
    kind, _, encoded = text.partition(" ")
    if kind not in _PUBLIC_PART:
        raise ValueError(f"no public SSH key: expected a type ({', '.join(_PUBLIC_PART)}) and its base64")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("no public SSH key: what follows the type must be base64 and nothing else") from error
    fields, (place, length) = _fields(data), _PUBLIC_PART[kind]
    count = place + (2 if kind.startswith("sk-") else 1)
    if fields is None or len(fields) != count or fields[0] != kind.encode() or length not in (None, len(fields[place])):
        raise ValueError(f"no public SSH key: the base64 is not that of a key of type {kind}")
    padded = kind == "ssh-rsa" and any(re.match(rb"\x00(?:[\x00-\x7f]|$)", number) for number in fields[1:])
    if padded or base64.b64encode(data).decode() != encoded:
        raise ValueError("another spelling of a key, by which one key could pass for two; write it as ssh-keygen does")
    return fields[place].hex()


def _fields(data: bytes) -> list[bytes] | None:
    """Return the strings that ``data`` holds, each behind its length in four bytes; None where that does not fit."""
    fields = []
    while data:
        length = int.from_bytes(data[:4], "big")
        if len(data) < 4 + length:
            return None
        fields.append(data[4 : 4 + length])
        data = data[4 + length :]
    return fields
