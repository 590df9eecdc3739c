"""Following a run step by step, and keeping ZenML's own chatter out of what people and machines read."""

from __future__ import annotations

import logging
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

StepState = Literal["started", "finished", "failed"]
Watch = Callable[["StepEvent"], None]

_STEP_LOGGER = "zenml.orchestrators.step_launcher"
_MESSAGES: tuple[tuple[StepState, re.Pattern[str]], ...] = (
    ("started", re.compile(r"^Step `(?P<step>.+)` has started\.$")),
    ("finished", re.compile(r"^Step `(?P<step>.+)` has finished in `(?P<took>.+)`\.$")),
    ("failed", re.compile(r"^Failed to run step `(?P<step>.+?)`: ")),
)


@dataclass(frozen=True)
class StepEvent:
    """What happened to one step of a run."""

    step: str
    state: StepState
    took: str = ""


class _StepHandler(logging.Handler):
    """Turns what ZenML logs of its steps into :class:`StepEvent`; it offers no other way to watch a local run."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.INFO)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        for state, pattern in _MESSAGES:
            found = pattern.match(record.getMessage())
            if found:
                self._watch(StepEvent(found["step"], state, found.groupdict().get("took") or ""))


_watching: list[Watch] = []


def tell_step(event: StepEvent) -> None:
    """Tell whoever watches of a step that runs elsewhere, of which ZenML logs nothing here."""
    for watch in _watching:
        watch(event)


@contextmanager
def watch_steps(watch: Watch) -> Iterator[None]:
    """Call ``watch`` for each step that starts, finishes or fails while the block runs."""
    logger = logging.getLogger(_STEP_LOGGER)
    handler, level, propagate = _StepHandler(watch), logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # a step's failure reaches the caller as an exception
    _watching.append(watch)
    try:
        yield
    finally:
        _watching.remove(watch)
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def ready_zenml() -> None:
    """Open the ZenML store that the environment names, before a command says or does anything.

    Raises:
        RegistrationError: it is away or was migrated by another ZenML; one line, within seconds.
    """
    from stack_bootstrap.registration import open_client

    open_client()
    quiet_third_parties()
    from governance.core.stacks import use_some_project

    use_some_project()


def quiet_third_parties() -> None:
    """Send warnings of third parties to standard error, and leave out what the exception says anyway.

    ZenML's console handler writes to standard output, where it would end up inside ``--json``; its local orchestrator
    logs a traceback of an exception that it then raises; and a store that is gone, which the run says, is logged with
    one for every line that could not be kept there.
    """
    from zenml.logger import ZenMLConsoleHandler

    for handler in logging.getLogger().handlers:
        if isinstance(handler, ZenMLConsoleHandler):
            handler.stream = sys.stderr  # setStream would first flush the old one, which may be closed by now
            handler.setLevel(logging.WARNING)
    logging.getLogger("zenml.orchestrators.local.local_orchestrator").setLevel(logging.CRITICAL)
    logging.getLogger("zenml.log_stores.artifact.artifact_log_exporter").addFilter(_without_traceback)
    # Google's libraries announce years ahead when they will drop a version of Python.
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.api_core\..*")


def _without_traceback(record: logging.LogRecord) -> bool:
    record.exc_info = None
    return True
