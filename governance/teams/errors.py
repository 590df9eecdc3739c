"""Why a team cannot be added, updated or removed."""

from governance.core.errors import RefusedError


class TeamRefusedError(RefusedError):
    """The team cannot be added, updated or removed as asked; nothing was changed."""
