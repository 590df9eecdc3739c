"""What labels and tags may hold, where clouds and Kubernetes differ."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from environments.files import sha256_hex

_DIGEST = 8


@dataclass(frozen=True)
class Alphabet:
    """The values that one kind of label takes.

    Args:
        longest: characters of a value.
        outside: what a character that is not taken looks like.
        lower: whether values are lower case.
        trimmed: what a value does not begin or end with.
    """

    longest: int
    outside: re.Pattern[str]
    lower: bool = False
    trimmed: str = ""

    def value(self, value: str) -> str:
        """Return ``value`` in this alphabet and length.

        One that had to be changed ends in a digest of the original, so that two values that differ still do.
        """
        allowed = self.outside.sub("-", value.lower() if self.lower else value)
        fits = allowed[: self.longest]
        fits = fits.strip(self.trimmed) if self.trimmed else fits
        if fits == value:
            return value
        digest = sha256_hex(value)[:_DIGEST]
        kept = fits[: self.longest - _DIGEST - 1].strip("-_. ")
        return f"{kept}-{digest}" if kept else digest

    def values(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return ``labels`` with every value in this alphabet, sorted by key."""
        return {key: self.value(value) for key, value in sorted(labels.items())}


KUBERNETES = Alphabet(63, re.compile(r"[^A-Za-z0-9_.-]"), trimmed="-_.")
"""kubernetes.io/docs/concepts/overview/working-with-objects/labels: letters and digits at both ends, - _ . within."""
