"""How our command lines end: an expected error is one message, an interrupt is said, and each has its exit status."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

import typer

from environments.errors import ExpectedError

EXPECTED_ERRORS: tuple[type[Exception], ...] = (ExpectedError,)
"""Errors whose message is all that a user needs; packages that cannot import ours add theirs."""


def run_command_line(app: typer.Typer, expected: tuple[type[Exception], ...], *, usage_status: int = 1) -> NoReturn:
    """Run ``app`` and exit: 0 done or what the command returns, 1 an expected error, 130 interrupted.

    Args:
        app: the command line.
        expected: errors whose message is enough; anything else is a defect and shows its traceback.
        usage_status: for a wrong option. It is not click's usual 2 where 2 means that something differs.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = app(standalone_mode=False)
    except typer.TyperException as error:
        typer.echo(f"{error.format_message()} Try --help.", err=True)
        status = usage_status
    except expected as error:
        typer.echo(str(error), err=True)
        status = 1
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    if status == 130:
        typer.echo("Interrupted. Run the same command again to go on.", err=True)
    sys.exit(status or 0)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Treat a polite kill as Ctrl-C, so that Terraform ends in order and writes its state."""
    raise KeyboardInterrupt
