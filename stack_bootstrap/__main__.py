"""``python -m stack_bootstrap``: plan and apply infrastructure, and register the stacks it describes."""

from __future__ import annotations

from stack_bootstrap.command_line import EXPECTED_ERRORS, run_command_line
from stack_bootstrap.lazy_commands import lazy_app

COMMANDS = {
    "stack_bootstrap.infrastructure_commands": (
        "plan",
        "apply",
        "destroy",
        "drift",
        "output",
        "validate",
        "unlock",
        "terraform",
        "schema",
    ),
    "stack_bootstrap.registration.commands": ("diff", "register", "verify", "unregister"),
    "stack_bootstrap.state_commands": ("state",),
    "stack_bootstrap.cluster.commands": ("manifests",),
    "stack_bootstrap.policy.commands": ("policy",),
    "stack_bootstrap.ci_commands": ("touched", "identity", "review"),
}
"""Names of the commands by the module that holds them."""

app = lazy_app(__doc__, COMMANDS)


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 failed, 130 interrupted; ``drift`` adds 2 for a difference."""
    run_command_line(app, EXPECTED_ERRORS)


if __name__ == "__main__":
    main()
