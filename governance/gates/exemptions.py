"""What somebody may set aside: a verdict that cannot be reached, never one that says no."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, Field

from environments.strict import StrictModel


class Exemption(StrictModel):
    """A signed statement by which a gate that cannot conclude is set aside for a time.

    The signature is checked by whoever makes one of these; here it is plain data that a gate's step can carry.
    """

    gate: str
    subject: str | None = Field(default=None, description="One check of the gate; None for all of them.")
    model_version: str | None = Field(default=None, description="The only version it holds for; None for any.")
    model_digest: str | None = Field(default=None, description="The only model it holds for; None for any.")
    expires: AwareDatetime
    statement_digest: str

    def covers(
        self, gate: str, subject: str, *, model_version: str | None, model_digest: str | None, at: datetime
    ) -> bool:
        """Tell whether it holds for the check ``subject`` of ``gate`` on a model, at the time ``at``.

        The same training done again may give the same digest, so one for a version holds for that version alone.
        """
        return (
            self.gate == gate
            and self.subject in (None, subject)
            and self.model_version in (None, model_version)
            and self.model_digest in (None, model_digest)
            and at < self.expires
        )
