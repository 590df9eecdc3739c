"""Why a promotion, a rollback or what people sign for one is refused."""

from __future__ import annotations

from governance.core.errors import RefusedError


class PromotionRefusedError(RefusedError):
    """The promotion or rollback is not allowed; the message says why and what would make it so."""
