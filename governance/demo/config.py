"""Where the demo runs, and the people who sign in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from environments import Cloud
from governance.core.errors import RefusedError
from governance.core.roles import people_who_approve
from governance.core.target import Target

if TYPE_CHECKING:
    from governance.signing.signatories import Signatory

TRAINER = "demo@example.com"
"""What the demo calls whoever runs it on this machine."""


@dataclass(frozen=True)
class Place:
    """The cloud that the demo runs on, and whose keys it signs with."""

    cloud: Cloud = "local"
    keys: Path | None = None
    """Elsewhere than on this machine: a folder of people's private SSH keys, each called by its owner's address."""

    def signers(self, production: Target) -> tuple[Signatory | None, Signatory]:
        """Return two people of the team: one asks for promotions (None: whoever runs the demo), the other approves.

        On this machine keys are made for them, and whoever runs the demo is the third, who trains. On a cluster
        people bring their own; where there is one beside whoever runs the demo, that one approves.

        Raises:
            RefusedError: too few people may agree, or have a key there.
        """
        if self.cloud == "local":
            return _made_up(production)
        from governance.signing.signatories import Signatory

        own = _at_work(production)
        others = [email for email in people_who_approve(production) if email not in own]
        found = [Signatory(email, self.keys / email) for email in others if self.keys and (self.keys / email).is_file()]
        if found:
            return (None, found[0]) if len(found) == 1 else (found[0], found[1])
        raise RefusedError(
            f"Nobody can approve for {production.team.team}: in {self.keys or 'KEYS, which is not set,'} is no key of "
            f"{' or '.join(others) or 'others than you'}. Give KEYS=<folder> with a private SSH key, called like "
            "the address of an ml-engineer of the team in production; with two of them, one asks and one agrees."
        )


def _at_work(target: Target) -> tuple[str, ...]:
    from governance.signing.signatories import person_at_work

    person = person_at_work(target)
    return person.emails if person else ()


def _made_up(production: Target) -> tuple[Signatory, Signatory]:
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
