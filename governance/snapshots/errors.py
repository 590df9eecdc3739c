"""Why a pipeline is not frozen, or nothing is started from a snapshot."""

from governance.core.errors import RefusedError


class SnapshotError(RefusedError):
    """A snapshot is not there, or is not what was frozen or tested; the message says what differs."""
