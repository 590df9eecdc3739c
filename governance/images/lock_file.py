"""Reading a lock: exact versions with hashes, and below each what it is there for (uv's ``# via``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from governance.core.errors import RefusedError

_PIN = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;]+)"
    r"(?:\s*;\s*(?P<marker>(?:(?!--hash).)+?))?(?P<hashes>(?:\s+--hash=sha256:[0-9a-f]{64})*)"
)


class LockError(RefusedError):
    """The lock cannot be read as uv writes it; the message says where."""


@dataclass(frozen=True)
class Locked:
    """One pinned package."""

    name: str
    version: str
    marker: str
    """On which systems and Pythons it is installed, empty for all; a name that has several is locked several times."""
    hashes: tuple[str, ...]
    """SHA-256 digests of its files, in hexadecimal, sorted."""
    wanted_by: frozenset[str] = frozenset()
    """What depends on it, as far as the lock says."""

    def pin(self) -> str:
        """Return the package's lines for pip's hash-checking mode."""
        head = f"{self.name}=={self.version}{f' ; {self.marker}' if self.marker else ''}"
        return " \\\n    ".join([head, *(f"--hash=sha256:{digest}" for digest in self.hashes)])


def normalized(name: str) -> str:
    """Return a package's ``name`` as the index compares it. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(file: Path) -> tuple[Locked, ...]:
    """Read the packages in a lock of ``uv pip compile --generate-hashes``, in its order.

    Raises:
        LockError: there are none, or something is no exact version with hashes.
    """
    try:
        return parse_lock(file.read_text(encoding="utf-8"))
    except LockError as error:
        raise LockError(f"{file.name}: {error}") from error


def parse_lock(text: str) -> tuple[Locked, ...]:
    """Read the packages in the text of a lock; raises as :func:`read_lock` does."""
    _, *blocks = re.split(r"^(?=[^\s#])", text, flags=re.MULTILINE)  # what is not indented begins the next package
    if not blocks:
        raise LockError("it pins no package; run `make lock`.")
    return tuple(_locked(block) for block in blocks)


def _locked(block: str) -> Locked:
    lines = [line.strip(" \t\\") for line in block.splitlines()]
    pinned = " ".join(line for line in lines if line and not line.startswith("#"))
    found = _PIN.fullmatch(pinned)
    if found is None:
        raise LockError(f"{lines[0]!r} is no pinned package with its hashes; run `make lock`.")
    hashes = re.findall("[0-9a-f]{64}", found["hashes"])
    if not hashes:
        raise LockError(f"{found['name']} has no hash; run `make lock`.")
    comments = (re.sub(r"^via(\s+|$)", "", line.lstrip("# ")) for line in lines if line.startswith("#"))
    return Locked(
        found["name"], found["version"], found["marker"] or "", tuple(sorted(hashes)), frozenset(comments) - {""}
    )
