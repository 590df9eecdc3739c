"""One promotion or rollback of a model at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from environments import ground_of
from governance.core.errors import RefusedError
from governance.core.target import Target


class PromotionInProgressError(RefusedError):
    """Somebody else is promoting or rolling back the same model."""


@contextmanager
def promotion_lock(target: Target) -> Iterator[None]:
    """Keep other processes on this machine from moving the same model into or out of the same environment.

    The lock is the operating system's and ends with its process, however that ends. On clouds, where promotions start
    from more than one machine, the CI system's concurrency group serves as well.

    Raises:
        PromotionInProgressError: another process holds the lock.
    """
    folder = ground_of(target.environment, target.cloud) / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{target.cloud}-{target.environment.environment}-{target.model}"
    with (folder / name).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PromotionInProgressError(
                f"Another promotion or rollback of {target.where} is going on. Nothing was changed; try again later."
            ) from error
        yield
