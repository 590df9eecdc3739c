"""Who is told of what is done to infrastructure and stacks. Nobody is, unless a caller attaches somebody.

This package knows nothing of who keeps records; whoever does attaches a :class:`Recorder` from outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from stack_bootstrap.plans import Changes
    from stack_bootstrap.registration.changes import Change
    from stack_bootstrap.workspace import Workspace


@dataclass(frozen=True)
class InfrastructureAct:
    """Terraform is about to make infrastructure what a plan says."""

    action: Literal["apply", "destroy"]
    workspace: Workspace
    changes: Changes
    """What the plan would do; nothing, when everything is as it should be."""
    plan_digest: str
    """See :func:`stack_bootstrap.plan_digest.plan_digest`."""


@dataclass(frozen=True)
class Stack:
    """A stack that is registered or unregistered."""

    environment: str
    cloud: str
    team: str
    name: str


@dataclass(frozen=True)
class RegistrationAct:
    """Objects are about to be written to ZenML, or deleted from it."""

    action: Literal["register", "unregister"]
    settings: Path
    """Folder of the settings files."""
    stacks: tuple[Stack, ...]
    done: list[Change]
    """What was written or deleted so far; complete when the block is left without an error."""


class Recorder(Protocol):
    """Keeps a record. Each block is entered before anything is changed and left afterwards, with the error if any."""

    def infrastructure(self, act: InfrastructureAct) -> AbstractContextManager[None]:
        """Record one apply or destroy."""

    def registration(self, act: RegistrationAct) -> AbstractContextManager[None]:
        """Record one registration or its removal."""


_attached: list[Recorder] = []


@contextmanager
def attached(recorder: Recorder) -> Iterator[None]:
    """Have ``recorder`` told of everything that this process does within the block."""
    _attached.append(recorder)
    try:
        yield
    finally:
        _attached.remove(recorder)


@contextmanager
def recorded(act: InfrastructureAct | RegistrationAct) -> Iterator[None]:
    """Tell every recorder of ``act``, which is done within the block."""
    with ExitStack() as told:
        for recorder in _attached:
            told.enter_context(
                recorder.infrastructure(act) if isinstance(act, InfrastructureAct) else recorder.registration(act)
            )
        yield
