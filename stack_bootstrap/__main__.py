"""``python -m stack_bootstrap``: plan and apply infrastructure, and register the stacks it describes."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import typer

from environments import SettingsError
from stack_bootstrap import infrastructure_commands, state_commands
from stack_bootstrap.contract import ContractError
from stack_bootstrap.full_stores import FullStoreError
from stack_bootstrap.infrastructure import InfrastructureError, PlanFileError
from stack_bootstrap.install_terraform import TerraformInstallError
from stack_bootstrap.offline import OfflineError
from stack_bootstrap.policy import PolicyError
from stack_bootstrap.policy import commands as policy_commands
from stack_bootstrap.registration import RegistrationError
from stack_bootstrap.registration import commands as registration_commands
from stack_bootstrap.state import StateError
from stack_bootstrap.terraform import TerraformError
from stack_bootstrap.workspace import WorkspaceError

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
app.add_typer(infrastructure_commands.app)
app.add_typer(registration_commands.app)
app.add_typer(state_commands.app)
app.add_typer(policy_commands.app)

EXPECTED_ERRORS: tuple[type[Exception], ...] = (
    ContractError,
    FullStoreError,
    InfrastructureError,
    OfflineError,
    PlanFileError,
    PolicyError,
    RegistrationError,
    SettingsError,
    StateError,
    TerraformError,
    TerraformInstallError,
    WorkspaceError,
)
"""Errors whose message is all that a user needs; anything else is a defect and shows its traceback."""


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 failed, 130 interrupted; ``drift`` adds 2 for a difference.

    A wrong option is 1 and not the usual 2, which would read as drift.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = app(standalone_mode=False)
    except typer.TyperException as error:
        typer.echo(f"{error.format_message()} Try --help.", err=True)
        status = 1
    except EXPECTED_ERRORS as error:
        typer.echo(str(error), err=True)
        status = 1
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    if status == 130:
        typer.echo("Interrupted.", err=True)
    sys.exit(status)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """A polite kill is treated as Ctrl-C, so that Terraform ends in order and writes its state."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
