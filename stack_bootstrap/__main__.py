"""``python -m stack_bootstrap``: plan and apply infrastructure, and register the stacks it describes."""

from __future__ import annotations

import typer

from stack_bootstrap import ci_commands, infrastructure_commands, state_commands
from stack_bootstrap.command_line import EXPECTED_ERRORS, run_command_line
from stack_bootstrap.policy import commands as policy_commands
from stack_bootstrap.registration import commands as registration_commands

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
app.add_typer(infrastructure_commands.app)
app.add_typer(registration_commands.app)
app.add_typer(state_commands.app)
app.add_typer(policy_commands.app)
app.add_typer(ci_commands.app)


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 failed, 130 interrupted; ``drift`` adds 2 for a difference."""
    run_command_line(app, EXPECTED_ERRORS)


if __name__ == "__main__":
    main()
