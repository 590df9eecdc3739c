"""Functions of a team's own package, by the name that a config gives them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from pipelines.errors import PipelineError


class FunctionMissingError(PipelineError):
    """A config names a function that cannot be loaded."""


def load_function(path: str) -> Callable[..., Any]:
    """Load the function ``pipelines.module:name``.

    Raises:
        FunctionMissingError: there is no such module or name, or it cannot be called.
    """
    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name, None)
    except ImportError as error:
        raise FunctionMissingError(f"{path}: the module cannot be imported: {error}") from error
    if not callable(found):
        raise FunctionMissingError(f"{path}: {module} has no function {name!r}")
    function: Callable[..., Any] = found
    return function
