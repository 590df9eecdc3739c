"""Whether the process that submitted a run still attends to it, as far as this machine can tell."""

from __future__ import annotations

import fcntl
from pathlib import Path

from environments import ground_of
from governance.core.target import Target


class Attention:
    """Says, from when it is made until it ends or its process does, that this process attends to ``run``."""

    def __init__(self, target: Target, run: str) -> None:
        self._path = _file(target, run)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._held = self._path.open("a")
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def give_up(self) -> None:
        """Say that this process could not see to the end of the run, so that others need not wait for it."""
        self._held.close()

    def end(self) -> None:
        """Say that this process saw to the end of the run."""
        self._path.unlink(missing_ok=True)
        self._held.close()


def attended(target: Target, run: str) -> bool | None:
    """Return whether a process of this machine attends to ``run``; None if none ever said so, or it saw to the end."""
    try:
        with _file(target, run).open("r+") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return True
    return False


def forget(target: Target, run: str) -> None:
    """Drop what the process left that attended to ``run``."""
    _file(target, run).unlink(missing_ok=True)


def _file(target: Target, run: str) -> Path:
    folder = ground_of(target.environment, target.cloud) / "runs"
    return folder / f"{target.cloud}-{target.environment.environment}" / run
