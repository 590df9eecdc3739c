"""The cloud that the demo runs on, and the people who sign in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from environments import Cloud
from governance.core.errors import RefusedError
from governance.core.roles import people_who_approve
from governance.core.target import Target

if TYPE_CHECKING:
    from governance.signing.signatories import Signatory

CLOUD: Cloud = "local"
TRAINER = "demo@example.com"
"""What the demo calls whoever runs it."""


def signers(production: Target) -> tuple[Signatory, Signatory]:
    """Return two people of the team, with keys made for the demo: one asks for promotions, the other approves.

    Whoever runs the demo is the third: it is they who train.

    Raises:
        RefusedError: the team has fewer than two people who may agree.
    """
    from governance.audit import current_identity
    from governance.signing.people import principal_of
    from governance.signing.signatories import demo_key

    people = people_who_approve(production)
    if len(people) < 2:
        raise RefusedError(
            f"The demo needs two ml-engineers of {production.team.team} in production, one to ask and one to agree; "
            f"its file names {', '.join(people) or 'none'}."
        )
    demo_key(production, TRAINER, principal_of(current_identity()))
    return demo_key(production, people[0]), demo_key(production, people[1])
