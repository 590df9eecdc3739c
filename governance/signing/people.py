"""Who is who: people as ``people.yaml`` declares them, and the allowed signers of OpenSSH that follow from it.

A person is called by an e-mail address (as in the team's file) and may have more addresses, the numeric id of a GitHub
account (as OIDC tokens name it), logins on machines, and SSH keys.

What this establishes: a signature by a key of somebody's is theirs, as far as they guard that key; a CI job's actor is
theirs, because GitHub vouches for its id. A login is established by the operating system of the machine that ran, so it
is as good as that machine; on clouds models are trained by CI. What it cannot know is one person who is declared twice,
with nothing in common: the file is reviewed like code, and CODEOWNERS says by whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from environments import Cloud, Environment, Platform, SettingsError, ground_of, load_people
from environments.people import PEOPLE_FILE, PersonKey, PersonSettings, canonical_name, merged
from governance.audit.actor import Identity, account_identity, declared_identity, github_identity, signed_identity
from governance.audit.subjects import Subjects
from governance.core.target import Target
from governance.signing.errors import SigningError
from governance.signing.ssh import NAMESPACE, principals_of


@dataclass(frozen=True)
class Person:
    """Somebody, by all that they are known by."""

    emails: tuple[str, ...]
    """The one that they are called by first."""
    accounts: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        """The address to call them by."""
        return self.emails[0]

    def identities(self) -> Iterable[Identity]:
        """Return every identity that the log may know this person by."""
        yield from map(declared_identity, self.emails)
        for account in self.accounts:
            kind, _, rest = account.partition(":")
            yield github_identity(rest) if kind == "github" else account_identity(rest)

    def is_known_as(self, pseudonym: str, subjects: Subjects) -> bool:
        """Return whether the log's ``pseudonym`` is this person's."""
        return any(subjects.known(identity) == pseudonym for identity in self.identities())


class People:
    """The people who are declared, and whose keys sign.

    Args:
        declared: people by the address that they are called by, where nobody is two.
        where: where they are declared, for messages.
    """

    def __init__(self, declared: Mapping[str, PersonSettings], where: str) -> None:
        self.where = where
        self._people = {
            Person((email, *settings.emails), settings.accounts): settings for email, settings in declared.items()
        }

    @property
    def content(self) -> Sequence[object]:
        """Everybody with all that they are known by, as JSON can hold it: another value, other signers."""
        return sorted(
            (sorted(person.emails), sorted(person.accounts), sorted(key.model_dump_json() for key in settings.keys))
            for person, settings in self._people.items()
        )

    @property
    def allowed_signers(self) -> str:
        """Everybody's keys in OpenSSH's form (ALLOWED SIGNERS in ssh-keygen(1)), a line each."""
        return "".join(
            f"{','.join(person.emails)} {_options(key)} {key.key}\n"
            for person, settings in self._people.items()
            for key in settings.keys
        )

    def named(self, name: str) -> Person | None:
        """Return the person who has ``name``: an e-mail address, ``github:<id>`` or ``account:<login>``."""
        wanted = canonical_name(name)
        return next((person for person in self._people if wanted in (*person.emails, *person.accounts)), None)

    def signer_of(self, message: bytes, signature: str, at: datetime) -> Person:
        """Return the person who signed ``message``, by a key that was valid at ``at``.

        Raises:
            SigningError: nobody who is allowed to, or the signature does not hold.
        """
        person = self.named(principals_of(message, signature, self.allowed_signers, at)[0])
        assert person is not None, "ssh-keygen read the same people"
        return person

    def behind(self, pseudonym: str, subjects: Subjects) -> Person | None:
        """Return the person whom the log calls ``pseudonym``."""
        return next((person for person in self._people if person.is_known_as(pseudonym, subjects)), None)


def people_of(target: Target) -> People:
    """Return the people whom ``target``'s environment knows.

    Raises:
        SigningError: the local root's own people cannot be understood.
    """
    return known_people(target.platform, target.environment, target.cloud)


def known_people(platform: Platform, environment: Environment, cloud: Cloud) -> People:
    """Return the people whom ``environment`` knows: those of the settings.

    On the cloud ``local`` also what the local root's own ``people/people.yaml`` adds to them, and whom it adds.

    Raises:
        SigningError: that file cannot be understood, or makes one of two people or two of one.
    """
    file = platform.directory / PEOPLE_FILE
    if cloud != "local":
        return People(platform.people, str(file))
    own = _folder(environment, cloud) / PEOPLE_FILE
    try:
        return People(merged(platform.people, load_people(own)), f"{file} or {own}")
    except (SettingsError, ValueError) as error:
        raise SigningError(f"{own}, beside {file}: {error}") from error


def people_folder(target: Target) -> Path:
    """Return the folder of the ``local`` cloud that keeps keys made for demonstrations."""
    return _folder(target.environment, target.cloud)


def principal_of(identity: Identity) -> str:
    """Return the name that ``people.yaml`` gives the account of a process."""
    kind = "github" if identity.source in ("oidc", "ci-environment") else "account"
    return f"{kind}:{identity.subject}"


def identity_of(person: Person) -> Identity:
    """Return the identity to put into the log for a person whose signature was verified."""
    return signed_identity(person.email)


def _folder(environment: Environment, cloud: Cloud) -> Path:
    return ground_of(environment, cloud) / "people"


def _options(key: PersonKey) -> str:
    limits = {"valid-after": key.valid_after, "valid-before": key.valid_before}
    times = [f'{name}="{at.astimezone(UTC):%Y%m%d%H%M%S}"' for name, at in limits.items() if at is not None]
    return ",".join([f'namespaces="{NAMESPACE}"', *times])
