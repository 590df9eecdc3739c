"""Who is who: people as OpenSSH's allowed signers name them.

One line of ``allowed_signers`` is one person with one key, and the line names everything that person is known by::

    grace@example.com,github:583231,account:grace namespaces="promotion@groundwork" ssh-ed25519 AAAA…

an e-mail address (as in the team's file), the numeric id of a GitHub account (as OIDC tokens name it) and a login on
this system. Lines that share a name or a key are the same person.

What this establishes: a signature by a key of somebody's line is theirs, as far as they guard that key; a CI job's
actor is theirs, because GitHub vouches for its id. A login is established by the operating system of the machine that
ran, so it is as good as that machine; on clouds models are trained by CI. What it cannot know is one person who has
two lines with different names and keys: the file is reviewed like code, and CODEOWNERS says by whom.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from environments import ground_of
from governance.audit.actor import Identity, account_identity, declared_identity, github_identity, signed_identity
from governance.audit.subjects import Subjects
from governance.core.target import Target
from governance.signing.errors import SigningError
from governance.signing.ssh import principals_of

ALLOWED_SIGNERS = "allowed_signers"
_KEY_TYPE = re.compile(r"(?:ssh|ecdsa|sk)-[a-z0-9@.-]+")


@dataclass(frozen=True)
class Person:
    """Somebody, by all the names that the allowed signers give them."""

    names: frozenset[str]

    @property
    def emails(self) -> tuple[str, ...]:
        """Their e-mail addresses, in order."""
        return tuple(sorted(name for name in self.names if "@" in name))

    @property
    def email(self) -> str:
        """The address to call them by, or another name of theirs if they have none."""
        return next(iter(self.emails), min(self.names))

    def identities(self) -> Iterable[Identity]:
        """Return every identity that the log may know this person by."""
        for name in sorted(self.names):
            kind, _, rest = name.partition(":")
            if "@" in name:
                yield declared_identity(name)
            elif kind == "github":
                yield github_identity(rest)
            elif kind == "account":
                yield account_identity(rest)

    def is_known_as(self, pseudonym: str, subjects: Subjects) -> bool:
        """Return whether the log's ``pseudonym`` is this person's."""
        return any(subjects.known(identity) == pseudonym for identity in self.identities())


class People:
    """The people whose keys an environment's allowed signers list.

    Args:
        allowed: the text of allowed signers.
        where: where it comes from, for messages.

    Raises:
        SigningError: a line is none, or names people by a pattern.
    """

    def __init__(self, allowed: str, where: str) -> None:
        self._allowed, self.where = allowed, where
        self._people = _people(allowed, where)

    def named(self, name: str) -> Person | None:
        """Return the person who has ``name``: an e-mail address, ``github:<id>`` or ``account:<login>``."""
        wanted = name.strip().lower() if "@" in name else name.strip()
        return next((person for person in self._people if wanted in person.names), None)

    def signer_of(self, message: bytes, signature: str, at: datetime) -> Person:
        """Return the person who signed ``message``, by a key that was valid at ``at``.

        Raises:
            SigningError: nobody who is allowed to, or the signature does not hold.
        """
        person = self.named(principals_of(message, signature, self._allowed, at)[0])
        assert person is not None, "ssh-keygen read the same lines"
        return person

    def behind(self, pseudonym: str, subjects: Subjects) -> Person | None:
        """Return the person whom the log calls ``pseudonym``."""
        return next((person for person in self._people if person.is_known_as(pseudonym, subjects)), None)


def people_of(target: Target) -> People:
    """Read the people whom ``target``'s environment knows: ``allowed_signers`` beside the settings.

    On the cloud ``local`` also the local root's own ``people/allowed_signers``.

    Raises:
        SigningError: a file cannot be understood.
    """
    files = [target.platform.directory / ALLOWED_SIGNERS]
    if target.cloud == "local":
        files.append(people_folder(target) / ALLOWED_SIGNERS)
    text = "".join(f"{file.read_text(encoding='utf-8')}\n" for file in files if file.exists())
    return People(text, " or ".join(map(str, files)))


def people_folder(target: Target) -> Path:
    """Return the folder of the ``local`` cloud that keeps keys made for demonstrations."""
    return ground_of(target.environment, target.cloud) / "people"


def principal_of(identity: Identity) -> str:
    """Return the name that the allowed signers give the account of a process."""
    kind = "github" if identity.source in ("oidc", "ci-environment") else "account"
    return f"{kind}:{identity.subject}"


def identity_of(person: Person) -> Identity:
    """Return the identity to put into the log for a person whose signature was verified."""
    return signed_identity(person.email)


def _people(allowed: str, where: str) -> tuple[Person, ...]:
    groups: list[tuple[set[str], set[str]]] = []
    for number, line in enumerate(allowed.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        names, key = _names(words[0]), _key(words[1:])
        if key is None or not names:
            raise SigningError(f"{where}, line {number}: no key. A line is: name[,name…] [options] type base64.")
        if any(set(name) & set("*?!") for name in names):
            raise SigningError(f"{where}, line {number}: names must be exact, and {words[0]!r} holds a pattern.")
        for name in names:
            if name != (plain := _canonical(name)):
                raise SigningError(
                    f"{where}, line {number}: {name!r} is another spelling of {plain!r}, by which one person could "
                    f"pass for two. Write {plain!r}."
                )
        joined, keys, apart = set(names), {key}, []
        for group in groups:
            if group[0] & joined or group[1] & keys:
                joined |= group[0]
                keys |= group[1]
            else:
                apart.append(group)
        groups = [*apart, (joined, keys)]
    return tuple(Person(frozenset(names)) for names, _ in groups)


def _names(word: str) -> set[str]:
    names = (name for name in word.strip('"').split(",") if name)
    return {name.lower() if "@" in name else name for name in names}


def _canonical(name: str) -> str:
    """Return the one spelling of ``name``: a domain without its final dot, an account's number without zeros before."""
    name = unicodedata.normalize("NFKC", name)
    kind, colon, rest = name.partition(":")
    if "@" in name:
        return name.rstrip(".").lower()
    return f"{kind}{colon}{int(rest)}" if kind == "github" and rest.isdecimal() else name


def _key(words: list[str]) -> str | None:
    """Return the base64 of the key: the word after its type; what stands before are options."""
    return next((key for kind, key in pairwise(words) if _KEY_TYPE.fullmatch(kind)), None)
