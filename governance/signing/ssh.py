"""Signatures that people make with their SSH keys, by OpenSSH's own program: agents and hardware keys work.

The form is that of ``ssh-keygen -Y sign`` (OpenSSH PROTOCOL.sshsig). Passphrases are asked for by ``ssh-keygen``
itself, on the terminal or by the agent; they never pass through here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from governance.signing.errors import SigningError

NAMESPACE = "promotion@groundwork"
"""What our signatures are for. One made for git or for a file does not verify here, nor ours there."""

_ENVIRONMENT = {"TZ": "UTC", "LC_ALL": "C"}
"""Times in allowed signers without a zone are UTC, wherever this runs."""


def sign(message: bytes, key: Path) -> str:
    """Sign ``message`` with the private key in ``key``, or with the agent's key whose public part is in ``key``.

    Raises:
        SigningError: ``ssh-keygen`` is missing or could not use the key.
    """
    if not key.is_file():
        raise SigningError(
            f"There is no SSH key in {key}. Give KEY=<file of a private key, or of an agent's public key>."
        )
    # What it asks of the person (a touch, a passphrase) must be seen, so its words are kept only where nobody looks.
    done = _run("sign", ["-q", "-f", str(key)], message, shown=sys.stderr.isatty())
    if done.returncode != 0:
        raise SigningError(f"ssh-keygen could not sign with {key}: {_words(done) or 'see above'}.")
    return done.stdout.decode()


def principals_of(message: bytes, signature: str, allowed: str, at: datetime) -> Sequence[str]:
    """Return the names under which ``allowed`` lists the key that signed ``message``, valid at ``at``.

    Args:
        allowed: allowed signers, as in ssh-keygen(1).
        at: when the signature is known to have existed.

    Raises:
        SigningError: nobody's, of another message, for another purpose, or the key was not valid then.
    """
    moment = ["-O", f"verify-time={at.astimezone(UTC):%Y%m%d%H%M%S}"]
    with _files(signature.encode(), allowed.encode()) as (signature_file, allowed_file):
        found = _run("find-principals", ["-s", signature_file, "-f", allowed_file, *moment])
        names = found.stdout.decode().split()
        if found.returncode != 0 or not names:
            why = _words(found) or "unknown key"
            raise SigningError(f"it is by a key that no allowed signer had at {at:%Y-%m-%d %H:%M} UTC ({why})")
        checked = _run("verify", ["-s", signature_file, "-f", allowed_file, "-I", names[0], *moment], message)
    if checked.returncode != 0:
        raise SigningError(f"it does not hold ({_words(checked)})")
    return names


def _run(
    action: str, arguments: Sequence[str], message: bytes = b"", *, shown: bool = False
) -> subprocess.CompletedProcess[bytes]:
    purpose = [] if action == "find-principals" else ["-n", NAMESPACE]
    try:
        return subprocess.run(
            ["ssh-keygen", "-Y", action, *purpose, *arguments],
            input=message,
            stdout=subprocess.PIPE,
            stderr=None if shown else subprocess.PIPE,
            env={**os.environ, **_ENVIRONMENT},
            check=False,
        )
    except FileNotFoundError as error:
        raise SigningError("ssh-keygen is not installed; it comes with OpenSSH 8.9 or later.") from error


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = (done.stderr or b"").decode(errors="replace").strip().splitlines()
    return "; ".join(line.strip().rstrip(".") for line in lines[-2:])


@contextmanager
def _files(*contents: bytes) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / str(number) for number in range(len(contents))]
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)
        yield [str(file) for file in files]
