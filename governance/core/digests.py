"""Digests as the log spells them: ``sha256:`` and hexadecimal digits."""

from __future__ import annotations

from environments.files import sha256_hex


def digest(sha256: str) -> str:
    """Spell a SHA-256 that is given in hexadecimal."""
    return f"sha256:{sha256}"


def content_digest(content: str | bytes) -> str:
    """Return the digest of ``content`` (text as UTF-8)."""
    return digest(sha256_hex(content))
