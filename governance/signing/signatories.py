"""The person who signs in this process, and the key they sign with."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from environments.git import GitError, run_git
from governance.audit.actor import current_identity
from governance.core.target import Target
from governance.signing.errors import SigningError
from governance.signing.people import ALLOWED_SIGNERS, Person, people_folder, people_of, principal_of
from governance.signing.ssh import NAMESPACE

_USUAL_KEYS = ("id_ed25519", "id_ed25519_sk", "id_ecdsa", "id_ecdsa_sk", "id_rsa")
_ADDRESS = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+")


@dataclass(frozen=True)
class Signatory:
    """An e-mail address and the SSH key that is said to be that person's. Only a verified signature shows it is."""

    email: str
    key: Path


def choose_signatory(target: Target, email: str | None = None, key: Path | None = None) -> Signatory:
    """Choose who signs: ``email`` or else git's ``user.email``, with ``key`` or else the first of theirs that is found.

    Keys are looked for in the local root's ``people/<e-mail>`` (``local`` only), then in git's ``user.signingkey``
    where git signs with SSH, then in the usual files of ``~/.ssh``.

    Raises:
        SigningError: no address or no key is known.
    """
    address = (email or _git("user.email")).strip().lower()
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


def demo_key(target: Target, email: str, *names: str) -> Signatory:
    """Return a key for ``email`` in the local root (mode 0600), made unless it is there, and allowed on this machine.

    For demonstrations and tests: whoever can read the local root can sign as everybody in it.

    Args:
        target: where; only its local root is used.
        email: whose key.
        names: what else that person is known by, such as ``account:<login>``.

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
    line = f'{",".join((email, *names))} namespaces="{NAMESPACE}" {public[0]} {public[1]}\n'
    file = folder / ALLOWED_SIGNERS
    if line not in (file.read_text(encoding="utf-8") if file.exists() else ""):
        with file.open("a", encoding="utf-8") as out:
            out.write(line)
    return Signatory(email, key)


def person_at_work(target: Target) -> Person | None:
    """Return the person whom the allowed signers tie to this process: its CI job's actor, or its login."""
    identity = current_identity()
    if identity.source not in ("oidc", "operating-system"):
        return None  # a CI job without a token: its variables can be set by the job itself
    return people_of(target).named(principal_of(identity))


def _git(name: str) -> str:
    try:
        return run_git(Path(), "config", "--get", name).strip()
    except GitError:
        return ""
