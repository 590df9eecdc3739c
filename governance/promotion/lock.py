"""One promotion or rollback of a model at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from governance.core.errors import RefusedError
from governance.core.machine_lock import machine_lock
from governance.core.target import Target


class PromotionInProgressError(RefusedError):
    """Somebody else is promoting or rolling back the same model."""


@contextmanager
def promotion_lock(target: Target) -> Iterator[None]:
    """Keep other processes on this machine from moving the same model into or out of the same environment.

    On clouds, where promotions start from more than one machine, the CI system's concurrency group serves as well.

    Raises:
        PromotionInProgressError: another process holds the lock.
    """
    with ExitStack() as held:
        try:
            held.enter_context(machine_lock(target, target.model, wait=False))
        except BlockingIOError as error:
            raise PromotionInProgressError(
                f"Another promotion or rollback of {target.where} is going on. Nothing was changed; try again later."
            ) from error
        yield
