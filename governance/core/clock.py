"""The one clock; a test that needs another time sets it here."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return this moment, in UTC."""
    return datetime.now(UTC)
