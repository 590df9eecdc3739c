"""Locks between the processes of one machine."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from environments import Cloud, Environment, ground_of
from governance.core.target import Target


@contextmanager
def machine_lock(target: Target, name: str, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock ``name`` of ``target``'s environment and cloud within the block.

    The lock is the operating system's and ends with its process, however that ends.

    Raises:
        BlockingIOError: another process holds it and this one is not to wait.
    """
    with environment_lock(target.environment, target.cloud, name, wait=wait):
        yield


@contextmanager
def environment_lock(environment: Environment, cloud: Cloud, name: str, *, wait: bool = True) -> Iterator[None]:
    """Hold what :func:`machine_lock` holds, where no model is meant.

    Raises:
        BlockingIOError: another process holds it and this one is not to wait.
    """
    folder = ground_of(environment, cloud) / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{cloud}-{environment.environment}-{name}").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
