"""The base of every error that a user can act on."""

from __future__ import annotations


class ExpectedError(Exception):
    """Something that is foreseen went wrong; the message is all that a user needs, without a traceback."""
