"""Finding what was adapted to, by name: each module of a package is one cloud, or one tracker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

T_co = TypeVar("T_co", covariant=True)


class Adapters(Mapping[str, T_co]):
    """The adapters of a package in alphabetical order: its modules' ``ADAPTER``, imported when one is asked for.

    Args:
        package: the package's name.
        path: its ``__path__``.
    """

    def __init__(self, package: str, path: Iterable[str]) -> None:
        self._package = package
        self._names = tuple(sorted(module.name for module in iter_modules(path)))

    def __getitem__(self, name: str) -> T_co:
        if name not in self._names:
            raise KeyError(name)
        adapter: T_co = import_module(f"{self._package}.{name}").ADAPTER
        return adapter

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
