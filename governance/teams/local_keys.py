"""Keys with which a new team's people sign on this machine, to try the lifecycle before anybody brought theirs."""

from __future__ import annotations

from environments import ORDER, Platform
from governance.audit.actor import current_identity
from governance.core.target import target_for
from governance.signing.signatories import demo_key
from governance.teams.request import NewTeam


def make_keys(request: NewTeam, platform: Platform) -> None:
    """Make a key for the owner, who is taken to be whoever runs this, and one for each approver, in the local root.

    Raises:
        SigningError: ``ssh-keygen`` fails.
    """
    target = target_for(platform, request.all_models()[0], ORDER[-1], "local")
    me = current_identity()
    demo_key(target, request.owner, *([f"account:{me.subject}"] if me.source == "operating-system" else []))
    for person in request.approvers:
        demo_key(target, person)
