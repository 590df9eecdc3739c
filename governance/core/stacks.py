"""Choosing the ZenML stack that this process works on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.constants import ENV_ZENML_ACTIVE_STACK_ID
from zenml.exceptions import StackValidationError

from governance.core.errors import RefusedError

if TYPE_CHECKING:
    from zenml.models import StackResponse


class StackMissingError(RefusedError):
    """The target's stack is not registered."""


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


@contextmanager
def active_stack(name: str) -> Iterator[None]:
    """Use the stack ``name`` inside the block, in this process only.

    Raises:
        StackMissingError: no such stack is registered.
        StackUnfitError: ZenML refuses to use it for what is done inside.
    """
    stack = require_stack(name)
    before = os.environ.get(ENV_ZENML_ACTIVE_STACK_ID)
    # By environment variable and not by Client.activate_stack: that writes the choice into the user's configuration,
    # where it would outlive this run and steer other processes.
    os.environ[ENV_ZENML_ACTIVE_STACK_ID] = str(stack.id)
    try:
        yield
    except StackValidationError as error:
        raise StackUnfitError(f"The stack {name!r} cannot be used: {str(error).splitlines()[0]}") from error
    finally:
        if before is None:
            del os.environ[ENV_ZENML_ACTIVE_STACK_ID]
        else:
            os.environ[ENV_ZENML_ACTIVE_STACK_ID] = before
