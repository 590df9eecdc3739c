"""The base of every error that a user can act on."""

from __future__ import annotations

from urllib.parse import urlsplit

_SHOWN = 300
"""Characters of an error of others that are shown."""


class ExpectedError(Exception):
    """Something that is foreseen went wrong; the message is all that a user needs, without a traceback."""


def one_line(error: BaseException) -> str:
    """Return what an error of others says, on one line and not at any length.

    What requests says of an address that does not answer is a page of its own objects: that is all that is said then.
    """
    if type(error).__module__ == "requests.exceptions" and getattr(error, "response", None) is None:
        address = urlsplit(getattr(getattr(error, "request", None), "url", None) or "").netloc
        if address:
            return f"{address} does not answer"
    return " ".join(str(error).split())[:_SHOWN]
