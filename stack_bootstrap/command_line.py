"""How our command lines end: an expected error is one message, an interrupt is said, and each has its exit status."""

from __future__ import annotations

import atexit
import gc
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType, TracebackType
from typing import NoReturn

import typer

from environments.errors import ExpectedError, one_line

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
    _collect_little()
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
    except Exception as error:
        said = one_line(error)
        if _is_a(error, _REFUSALS):
            typer.echo(f"ZenML's server refuses this account what the command needs: {said}", err=True)
        elif _is_of_zenmls_store(error):
            typer.echo(
                f"store of ZenML: it went away while this was at work ({said}). Nothing is lost: run the same "
                "command again, and it goes on from what the log says.",
                err=True,
            )
        elif _is_of_a_store(error):
            typer.echo(
                f"store of artifacts: it refuses or does not answer ({type(error).__name__}: {said}). Nothing is lost: "
                "once it does, run the same command again, and it goes on from what the log says.",
                err=True,
            )
        else:
            raise
        status = 1
    if status == 130:
        typer.echo("Interrupted. Run the same command again to go on.", err=True)
    sys.exit(status or 0)


def _collect_little() -> None:
    """Have Python's collector leave what is imported alone: of a command with ZenML it takes a second or two."""
    gc.set_threshold(50_000, 20, 100)
    atexit.register(gc.freeze)


def _is_of_zenmls_store(error: BaseException) -> bool:
    """Return whether ZenML's store could not be reached: by the error's kind, and by where it came from."""
    return _is_a(error, _CONNECTION_ERRORS) and any(
        module.startswith("zenml.zen_stores.") for module in _modules_of(error.__traceback__)
    )


def _is_of_a_store(error: BaseException) -> bool:
    """Return whether a bucket's client failed, for another reason than that what it looked for is not there."""
    if isinstance(error, FileNotFoundError) or not _is_a(error, _STORE_ERRORS):
        return False
    return any(module.split(".")[0] in _STORE_CLIENTS for module in _modules_of(error.__traceback__))


def _is_a(error: BaseException, names: Sequence[str]) -> bool:
    return not {f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__}.isdisjoint(names)


_CONNECTION_ERRORS = ("requests.exceptions.RequestException", "sqlalchemy.exc.OperationalError")
_STORE_ERRORS = ("botocore.exceptions.BotoCoreError", "builtins.OSError")
_STORE_CLIENTS = frozenset({"adlfs", "aiobotocore", "botocore", "gcsfs", "s3fs"})
_REFUSALS = ("zenml.exceptions.IllegalOperationError", "zenml.exceptions.AuthorizationException")
"""By name: commands that do not use ZenML import none of these libraries."""


def _modules_of(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        yield str(trace.tb_frame.f_globals.get("__name__"))
        trace = trace.tb_next


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Treat a polite kill as Ctrl-C, so that Terraform ends in order and writes its state."""
    raise KeyboardInterrupt
