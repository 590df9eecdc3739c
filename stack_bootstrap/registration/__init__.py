"""Stacks in ZenML as the contracts say: compare, register, verify, unregister.

Importing this package imports nothing heavy; ZenML is imported by the functions that need it.
"""

from stack_bootstrap.registration.apply import Observer, Progress
from stack_bootstrap.registration.changes import Change, Changes, Difference
from stack_bootstrap.registration.desired import connector_name, secret_name
from stack_bootstrap.registration.errors import RegistrationError
from stack_bootstrap.registration.members import Member, missing_members
from stack_bootstrap.registration.operations import (
    diff,
    merge,
    refuse_protected,
    register,
    register_all,
    unregister,
)
from stack_bootstrap.registration.projects import make_projects, missing_projects
from stack_bootstrap.registration.state import Ref
from stack_bootstrap.registration.trackers import TRACKER_FLAVORS
from stack_bootstrap.registration.verification import Check, verify
from stack_bootstrap.registration.zenml_client import open_client

__all__ = [
    "TRACKER_FLAVORS",
    "Change",
    "Changes",
    "Check",
    "Difference",
    "Member",
    "Observer",
    "Progress",
    "Ref",
    "RegistrationError",
    "connector_name",
    "diff",
    "make_projects",
    "merge",
    "missing_members",
    "missing_projects",
    "open_client",
    "refuse_protected",
    "register",
    "register_all",
    "secret_name",
    "unregister",
    "verify",
]
