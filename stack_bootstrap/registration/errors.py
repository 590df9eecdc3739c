"""The one error of registration. It always names an object."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import quote, quote_plus

from pydantic import ValidationError

from environments.errors import ExpectedError


class RegistrationError(ExpectedError):
    """An object could not be read, compared, written, verified or deleted.

    Attributes:
        kind: ``secret``, ``connector``, ``component``, ``stack``, or ``store`` for ZenML itself.
        name: The object's name in ZenML.
        message: What ZenML (or we) have to say about it.
        others: Further objects that are refused for a reason of their own, found in the same pass.
    """

    def __init__(self, kind: str, name: str, message: str, others: Sequence[RegistrationError] = ()) -> None:
        """See the class."""
        super().__init__(kind, name, message)
        self.kind = kind
        self.name = name
        self.message = message
        self.others = tuple(others)

    def __str__(self) -> str:
        """Return one line for each object."""
        return "\n".join([f"{self.kind} {self.name}: {self.message}", *map(str, self.others)])


def raise_any(problems: Sequence[RegistrationError]) -> None:
    """Raise all of ``problems`` as one error, or nothing when there are none."""
    if problems:
        first, *others = problems
        raise RegistrationError(first.kind, first.name, first.message, others)


@contextmanager
def naming(kind: str, name: str, hide: Collection[str] = ()) -> Iterator[None]:
    """Turn whatever ZenML raises inside into a :class:`RegistrationError` that names the object.

    ZenML raises built-in exceptions, its own, pydantic's, SQLAlchemy's, requests' and the cloud libraries', which
    have no common base below ``Exception``. Every one of them is raised again, none is dropped.

    Args:
        kind: The object's kind.
        name: The object's name in ZenML.
        hide: Values that must not show in the message.

    Raises:
        RegistrationError: anything went wrong inside.
    """
    try:
        yield
    except RegistrationError:
        raise
    except Exception as error:
        named = RegistrationError(kind, name, _without(_message(error), hide))
        if hide:
            raise named from None  # the cause's text would show in a traceback
        raise named from error


_LETTER, _WORD = r"(?<=[^\w\s]){}(?=[^\w\s])", r"(?<![^\W_]){}(?![^\W_])"
_LONG = 4
"""Characters. A value of so many is hidden wherever it is, also within a word. A shorter one is no secret, and would
blot out words: two or three letters are hidden where they stand by themselves, one where quotes or signs set it off."""


def _without(message: str, hide: Collection[str]) -> str:
    """Return ``message`` with every one of ``hide`` replaced, also as URLs, JSON, Python and base64 would spell it."""
    patterns: list[str] = []
    for value in sorted(filter(None, set(hide)), key=len, reverse=True):  # else one's beginning would leave its end
        if len(value) >= _LONG:
            patterns += map(re.escape, _spellings(value))
        else:
            patterns.append((_WORD if len(value) > 1 else _LETTER).format(re.escape(value)))
    return re.sub("|".join(patterns), "(hidden)", message) if patterns else message


def _spellings(value: str) -> list[str]:
    found = {value, quote(value, safe=""), quote(value), quote_plus(value), repr(value)[1:-1], json.dumps(value)[1:-1]}
    found.add(base64.b64encode(value.encode()).decode())
    found.update(line.strip() for line in value.splitlines() if len(line.strip()) >= 2 * _LONG)  # of a key file
    return sorted(found, key=len, reverse=True)


_AWAY = ("requests.exceptions.ConnectionError", "requests.exceptions.Timeout", "requests.exceptions.RetryError")
"""By name: to plan, or to read settings, nobody imports requests."""


def _message(error: Exception) -> str:
    if isinstance(error, ValidationError):  # its own text repeats the whole input
        lines = [(".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) for e in error.errors()]
        return "; ".join(f"{where}: {what}" if where else what for where, what in lines)
    if any(f"{kind.__module__}.{kind.__name__}" in _AWAY for kind in type(error).__mro__):  # itself a page of addresses
        return "ZenML's server went away. Nothing is lost: once it answers, run the same command again, and it goes on."
    # The text of a KeyError is its argument in quotes.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return text.partition("\n(Background on this error at")[0].strip() or type(error).__name__
