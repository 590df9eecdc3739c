"""What must never stand in a leaf of the log, which nobody can erase: addresses of people and secrets."""

from __future__ import annotations

import re

_FORBIDDEN = {
    "an e-mail address": ("@", r"[\w.+-]+@[\w-]+\.[\w.-]+"),
    "credentials in a URL": ("@", r"://[^/\s:@\"]+:[^/\s@\"]+@"),
    "a private key": ("-----BEGIN", r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "an AWS access key": ("IA", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a GitHub token": ("_", r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})"),
    "a Google API key": ("AIza", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "a Slack token": ("xox", r"\bxox[abposr]-[A-Za-z0-9-]{10,}"),
    "a JSON web token": ("eyJ", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\."),
    "a password or token": (
        "",
        r"(?i)(?<![:\w])(?:password|passwd|secret|token|api[_-]?key)[ ]?[=:][ ]?[^\s\"\\]",
    ),
}
_PATTERNS = [(what, mark, re.compile(pattern)) for what, (mark, pattern) in _FORBIDDEN.items()]
"""Each with a text that every match holds, which is quicker to look for."""


def find_forbidden(text: str) -> str | None:
    """Return what kind of personal datum or secret ``text`` seems to hold, if any.

    Names of people in free text cannot be recognised: reasons are for what was done, not for whom.
    """
    return next((what for what, mark, pattern in _PATTERNS if mark in text and pattern.search(text)), None)
