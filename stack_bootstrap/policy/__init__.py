"""What a plan must never contain: our own rules and checkov's, with exceptions that say why and until when."""

from stack_bootstrap.policy.check import Verdict, check_plan, judge
from stack_bootstrap.policy.exceptions import PolicyError, PolicyException, load_exceptions
from stack_bootstrap.policy.rules import RULES, Context, Violation, context_of, own_violations

__all__ = [
    "RULES",
    "Context",
    "PolicyError",
    "PolicyException",
    "Verdict",
    "Violation",
    "check_plan",
    "context_of",
    "judge",
    "load_exceptions",
    "own_violations",
]
