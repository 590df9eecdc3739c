"""What a guard decided, for the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from governance.access.roles import Account, Grant, Scope

CONSEQUENCES = frozenset({"promote to staging", "promote to production", "modify stacks", "delete resources"})
"""Actions that are recorded when they are granted, too; so is all that only an administrator may change."""

Decided = Literal["granted", "denied"]


@dataclass(frozen=True)
class Decision:
    """What the guard decided about a request, for the record."""

    decided: Decided
    account: Account
    grants: tuple[Grant, ...]
    method: str
    template: str
    action: str
    scope: Scope
    subject: str | None
