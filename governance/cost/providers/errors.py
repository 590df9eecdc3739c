"""What goes wrong when spend is looked up."""

from __future__ import annotations

from governance.errors import Refused


class SpendError(Refused):
    """A provider did not answer, or not in its format; the message says what to check."""
