"""Choosing the ZenML stack that this process works on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.constants import ENV_ZENML_ACTIVE_PROJECT_ID, ENV_ZENML_ACTIVE_STACK_ID
from zenml.exceptions import IllegalOperationError, StackValidationError
from zenml.stack.stack import _STACK_CACHE

from environments import DEFAULT_PROJECT, SHARED_PROJECT
from governance.core.errors import RefusedError

if TYPE_CHECKING:
    from zenml.models import StackResponse


class StackMissingError(RefusedError):
    """The target's stack is not registered."""


class ProjectMissingError(RefusedError):
    """The team's project is not there, or not for this account."""


def require_stack(name: str) -> StackResponse:
    """Return the stack ``name``.

    Raises:
        StackMissingError: no such stack is registered.
    """
    try:
        return Client().get_stack(name, allow_name_prefix_match=False)
    except KeyError as error:
        raise StackMissingError(
            f"There is no ZenML stack {name!r}. Run `make apply` and `make register` for its environment first."
        ) from error


class StackUnfitError(RefusedError):
    """ZenML says that components of the target's stack do not go together, or that one cannot be used from here."""


def require_project(name: str) -> str:
    """Return the identifier of the project ``name``.

    Raises:
        ProjectMissingError: there is none, or it is not for whoever asks.
    """
    try:
        return str(Client().get_project(name, allow_name_prefix_match=False).id)
    except (KeyError, IllegalOperationError) as error:
        raise ProjectMissingError(
            f"There is no ZenML project {name!r} for this account. `make register` makes one for each team."
        ) from error


def use_project(name: str) -> None:
    """Work on the project ``name`` from here on, in this process only.

    Raises:
        ProjectMissingError: there is no such project.
    """
    os.environ[ENV_ZENML_ACTIVE_PROJECT_ID] = require_project(name)


def use_some_project() -> None:
    """Work on a project that everybody sees, in this process only, where none is in use.

    Where a store has several, ZenML chooses none, and then loads no pipeline. What is done in a team's own project
    names it.
    """
    try:
        _ = Client().active_project
    except RuntimeError:
        for name in (DEFAULT_PROJECT, SHARED_PROJECT):
            with suppress(ProjectMissingError):
                use_project(name)
                return


@contextmanager
def active_stack(name: str, project: str | None = None) -> Iterator[None]:
    """Use the stack ``name``, and ``project`` if one is named, inside the block, in this process only.

    Raises:
        StackMissingError: no such stack is registered.
        StackUnfitError: ZenML refuses to use it for what is done inside.
        ProjectMissingError: there is no such project.
    """
    # By environment variable and not by Client.activate_stack: that writes the choice into the user's configuration,
    # where it would outlive this run and steer other processes.
    chosen = {ENV_ZENML_ACTIVE_STACK_ID: str(require_stack(name).id)}
    if project is not None:
        chosen[ENV_ZENML_ACTIVE_PROJECT_ID] = require_project(project)
    before = {variable: os.environ.get(variable) for variable in chosen}
    os.environ.update(chosen)
    _put_store_in_charge(chosen[ENV_ZENML_ACTIVE_STACK_ID])
    try:
        yield
    except StackValidationError as error:
        raise StackUnfitError(f"The stack {name!r} cannot be used: {str(error).splitlines()[0]}") from error
    finally:
        for variable, value in before.items():
            if value is None:
                del os.environ[variable]
            else:
                os.environ[variable] = value


def _put_store_in_charge(stack: str) -> None:
    """Have ZenML's file functions use the artifact store of ``stack``, where it was used before in this process.

    They know one store for each scheme, such as ``s3://``: the one that was made last. A stack is made once.
    """
    for made in list(_STACK_CACHE.values()):
        if str(made.id) == stack:
            made.artifact_store._register()
