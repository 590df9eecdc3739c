"""Why a team cannot be added, updated or removed."""

from governance.errors import Refused


class TeamRefused(Refused):
    """The team cannot be added, updated or removed as asked; nothing was changed."""
