"""Functions of a team's own package, by the name that a config gives them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipelines.errors import PipelineError

if TYPE_CHECKING:
    from pipelines.config import ModelConfig


class FunctionMissingError(PipelineError):
    """A config names a function that cannot be loaded, or that does not take what it will be given."""


def check_functions(config: ModelConfig) -> None:
    """Load every function that the config names, so that none is found missing once a model has been trained.

    Raises:
        FunctionMissingError: one cannot be loaded, or does not take what it will be given.
    """
    if config.split.function is not None:
        _check(config.split.function, "split.function", ("a frame",))
    for name, rules in config.metrics.items():
        if rules.function is not None:
            _check(rules.function, f"metrics: {name}", ("truth", "predictions"))


def load_function(path: str) -> Callable[..., Any]:
    """Load the function ``pipelines.module:name``.

    Raises:
        FunctionMissingError: there is no such module or name, the module fails, or what it holds cannot be called.
    """
    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name, None)
    except Exception as error:  # a team's module may fail in any way
        told = f"{type(error).__name__}: {error}"
        raise FunctionMissingError(f"{path}: the module cannot be imported: {told}") from error
    if not callable(found):
        raise FunctionMissingError(f"{path}: {module} has no function {name!r}")
    function: Callable[..., Any] = found
    return function


def _check(path: str, where: str, given: tuple[str, ...]) -> None:
    try:
        signature = inspect.signature(load_function(path))
    except (FunctionMissingError, ValueError) as error:
        raise FunctionMissingError(f"{where}: {error}") from error
    try:
        signature.bind(*given)
    except TypeError as error:
        raise FunctionMissingError(
            f"{where}: {path} takes {signature}, and is called with {' and '.join(given)}: {error}"
        ) from error
