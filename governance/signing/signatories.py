"""The person who signs in this process, and the key they sign with."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from environments import load_people
from environments.files import replace_file
from environments.git import GitError, run_git
from environments.people import ADDRESS_PATTERN, PEOPLE_FILE, PersonKey, PersonSettings, canonical_name, joined
from governance.audit.actor import current_identity
from governance.core.target import Target
from governance.signing.errors import SigningError
from governance.signing.people import Person, people_folder, people_of, principal_of

_USUAL_KEYS = ("id_ed25519", "id_ed25519_sk", "id_ecdsa", "id_ecdsa_sk", "id_rsa")
_ADDRESS = re.compile(ADDRESS_PATTERN)


@dataclass(frozen=True)
class Signatory:
    """An e-mail address and the SSH key that is said to be that person's. Only a verified signature shows it is."""

    email: str
    key: Path
    confirm: Callable[[str], None] | None = field(default=None, compare=False)
    """Called with what a signature would stand for, in words, before the key is used; raises if they do not want it."""


def choose_signatory(target: Target, email: str | None = None, key: Path | None = None) -> Signatory:
    """Choose who signs: ``email`` or else git's ``user.email``, with ``key`` or else the first of theirs that is found.

    Keys are looked for in the local root's ``people/<e-mail>`` (``local`` only), then in git's ``user.signingkey``
    where git signs with SSH, then in the usual files of ``~/.ssh``.

    Raises:
        SigningError: no address or no key is known.
    """
    address = canonical_name(email or _git("user.email"))
    if not _ADDRESS.fullmatch(address):
        raise SigningError(
            f"Who signs? {address or 'Nothing'!r} is no e-mail address: give AS=<e-mail>, or set git's user.email."
        )
    if key is not None:
        return Signatory(address, key)
    candidates = [people_folder(target) / address] if target.cloud == "local" else []
    if (
        _git("gpg.format") == "ssh"
        and (signing := _git("user.signingkey"))
        and not signing.startswith(("key::", "ssh-"))
    ):
        candidates.append(Path(signing).expanduser())
    candidates += [Path.home() / ".ssh" / name for name in _USUAL_KEYS]
    found = next((candidate for candidate in candidates if candidate.is_file()), None)
    if found is None:
        raise SigningError(f"No SSH key of {address} was found. Give KEY=<file>.")
    return Signatory(address, found)


def demo_key(target: Target, email: str, *accounts: str) -> Signatory:
    """Return a key for ``email`` in the local root (mode 0600), made unless it is there, and declared on this machine.

    For demonstrations and tests: whoever can read the local root can sign as everybody in it.

    Args:
        target: where; only its local root is used.
        email: whose key.
        accounts: accounts of theirs, such as ``account:<login>``. Whoever was declared here with one of them is the
            same person: everybody who tries something out on a machine runs it under one login.

    Raises:
        SigningError: the cloud is not ``local``, the address is none, or ``ssh-keygen`` fails.
    """
    if target.cloud != "local":
        raise SigningError("Keys are made on the spot on CLOUD=local only; on clouds people bring their own.")
    if not _ADDRESS.fullmatch(email):
        raise SigningError(f"{email!r} is no e-mail address.")
    folder = people_folder(target)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = folder / email
    if not key.exists():
        made = subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise SigningError(f"ssh-keygen made no key in {key}: {made.stderr.strip()}")
    public = key.with_name(f"{email}.pub").read_text(encoding="utf-8").split()
    own = PersonSettings(accounts=accounts, keys=(PersonKey(key=" ".join(public[:2])),))
    _declare_here(folder / PEOPLE_FILE, email, own)
    return Signatory(email, key)


def _declare_here(file: Path, email: str, own: PersonSettings) -> None:
    """Declare in the local root's ``file`` that ``email`` has what is ``own``, beside what they have there."""
    people = dict(load_people(file))
    mine = {email, *own.accounts}
    same = [called for called, known in people.items() if mine & {called, *known.emails, *known.accounts}]
    called, *others = *same, email
    people[called] = joined(called, [*(people.pop(name) for name in same), own], *others)
    raw = {"people": {name: one.model_dump(mode="json", exclude_defaults=True) for name, one in people.items()}}
    replace_file(file, yaml.safe_dump(raw), mode=0o600)


def person_at_work(target: Target) -> Person | None:
    """Return the person whose account runs this process: that of its CI job's actor, or its login."""
    identity = current_identity()
    if identity.source not in ("oidc", "operating-system"):
        return None  # a CI job without a token: its variables can be set by the job itself
    return people_of(target).named(principal_of(identity))


def _git(name: str) -> str:
    try:
        return run_git(Path(), "config", "--get", name).strip()
    except GitError:
        return ""
