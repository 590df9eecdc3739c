"""Canonical JSON (RFC 8785): one byte sequence for one value, so that a hash means the value."""

from __future__ import annotations

from typing import Any

import rfc8785

from governance.audit.errors import AuditError


def canonical(value: Any) -> bytes:
    """``value`` (what JSON can hold) as canonical JSON.

    Raises:
        AuditError: it holds NaN, an infinity, an integer beyond 2**53, a lone surrogate or a type JSON lacks.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise AuditError(f"This cannot be written as canonical JSON: {error}") from error
