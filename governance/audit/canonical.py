"""Canonical JSON (RFC 8785): one byte sequence for one value, so that a hash means the value."""

from __future__ import annotations

import json
from typing import Any

import rfc8785

from governance.audit.errors import AuditError


def canonical(value: Any) -> bytes:
    """Return ``value`` (what JSON can hold) as canonical JSON.

    Raises:
        AuditError: it holds NaN, an infinity, an integer beyond 2**53, a lone surrogate, depth or a type JSON lacks.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise AuditError(f"This cannot be written as canonical JSON: {error}") from error


def parse_canonical(data: bytes) -> Any:
    """Return the value whose canonical JSON ``data`` is.

    Raises:
        ValueError: it is none: something else, another spelling, or nested too deeply.
    """
    try:
        value = json.loads(data.decode())
        if canonical(value) == data:
            return value
    except (AuditError, RecursionError) as error:
        raise ValueError(str(error)) from error
    raise ValueError("it is no canonical JSON")
