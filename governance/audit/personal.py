"""What must never stand in a leaf of the log, which nobody can erase: addresses of people and secrets."""

from __future__ import annotations

import re

_FORBIDDEN = {
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})"),
    "a Google API key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "a Slack token": re.compile(r"\bxox[abposr]-[A-Za-z0-9-]{10,}"),
    "a JSON web token": re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\."),
    "a password or token": re.compile(
        r"(?i)(?<![:\w])(?:password|passwd|secret|token|api[_-]?key)[ ]?[=:][ ]?[^\s\"\\]"
    ),
    "credentials in a URL": re.compile(r"://[^/\s:@\"]+:[^/\s@\"]+@"),
}


def find_forbidden(text: str) -> str | None:
    """What kind of personal datum or secret ``text`` seems to hold, if any.

    Names of people in free text cannot be recognised: reasons are for what was done, not for whom.
    """
    return next((what for what, pattern in _FORBIDDEN.items() if pattern.search(text)), None)
