"""A plan held against every rule, and what the exceptions leave of that."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stack_bootstrap.cluster.objects import Manifest
from stack_bootstrap.policy.checkov import checkov_violations
from stack_bootstrap.policy.cluster_rules import cluster_violations
from stack_bootstrap.policy.exceptions import PolicyException, load_exceptions
from stack_bootstrap.policy.plan_resources import resources
from stack_bootstrap.policy.rules import Context, Violation, own_violations


@dataclass(frozen=True)
class Verdict:
    """What was found in one plan."""

    violations: tuple[Violation, ...]
    """Breaches that nothing excuses."""
    excused: tuple[Violation, ...]
    expired: tuple[PolicyException, ...]
    """Exceptions that would have excused something and have run out."""
    resources: int = 0
    """How many resources were held against the rules."""

    @property
    def passed(self) -> bool:
        """Whether the plan may be applied."""
        return not self.violations


def check_plan(plan: Mapping[str, Any], context: Context, manifests: Sequence[Manifest] = ()) -> Verdict:
    """Hold ``plan`` against our rules and checkov's, and what lives inside a cluster against ours, as of today.

    Raises:
        PolicyError: the exceptions cannot be read, or checkov cannot be run.
    """
    found = [*own_violations(plan, context), *checkov_violations(plan), *cluster_violations(manifests)]
    verdict = judge(found, load_exceptions(), context.environment, datetime.datetime.now(tz=datetime.UTC).date())
    return replace(verdict, resources=sum(1 for _ in resources(plan)) + len(manifests))


def judge(
    found: Sequence[Violation], exceptions: Sequence[PolicyException], environment: str, today: datetime.date
) -> Verdict:
    """Sort what was ``found`` by whether an exception that is in force on ``today`` covers it."""
    violations, excused, expired = [], [], []
    for violation in found:
        covering = [exception for exception in exceptions if exception.covers(violation, environment)]
        if any(today < exception.expires for exception in covering):
            excused.append(violation)
        else:
            violations.append(violation)
            expired += [exception for exception in covering if exception not in expired]
    return Verdict(tuple(violations), tuple(excused), tuple(expired))
