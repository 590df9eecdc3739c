"""Commands whose modules are imported when they are asked for, so that no command pays for the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperGroup


class LazyCommands(Mapping[str, Any]):
    """Commands by name, each made by the Typer application ``app`` of its module.

    Args:
        modules: names of the commands by the module that holds them, in the order in which help lists them.
    """

    def __init__(self, modules: Mapping[str, Sequence[str]]) -> None:
        self._module = {name: module for module, names in modules.items() for name in names}

    def __getitem__(self, name: str) -> Any:
        return typer.main.get_group(import_module(self._module[name]).app).commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._module)

    def __len__(self) -> int:
        return len(self._module)


def lazy_app(help_text: str | None, modules: Mapping[str, Sequence[str]]) -> typer.Typer:
    """Return a Typer application of the commands that ``modules`` names, see :class:`LazyCommands`."""

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = cast("Any", LazyCommands(modules))

    app = typer.Typer(cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
    app.callback(help=help_text)(_nothing)
    return app


def _nothing() -> None:
    """Do nothing; Typer takes an application with a callback for a group, whatever it holds."""
