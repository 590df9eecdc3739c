"""What a backup or a restore ends with when it cannot be done."""

from __future__ import annotations

from governance.core.errors import RefusedError


class BackupError(RefusedError):
    """A backup cannot be made, trusted or restored; the message says why and what to do."""
