"""``python -m stack_bootstrap``: plan and apply infrastructure, and register the stacks it describes."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import click
import typer

from environments import SettingsError
from stack_bootstrap.contract import ContractError

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

EXPECTED_ERRORS: tuple[type[Exception], ...] = (SettingsError, ContractError)
"""Errors whose message is all that a user needs; anything else is a defect and shows its traceback."""


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 failed, 130 interrupted; ``drift`` adds 2 for a difference.

    A wrong option is 1 and not click's usual 2, which would read as drift.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = app(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = 1
    except EXPECTED_ERRORS as error:
        typer.echo(str(error), err=True)
        status = 1
    except (KeyboardInterrupt, click.Abort):
        typer.echo("Interrupted.", err=True)
        status = 130
    sys.exit(status)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """A polite kill is treated as Ctrl-C, so that Terraform ends in order and writes its state."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
