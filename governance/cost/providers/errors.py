"""What goes wrong when spend is looked up."""

from __future__ import annotations

from governance.core.errors import RefusedError


class SpendError(RefusedError):
    """A provider did not answer, or not in its format; the message says what to check."""
