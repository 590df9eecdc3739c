"""Which versions of libraries a model was trained with, held against those that are here.

A patch release reads what another one wrote. Of an estimator's library a minor one need not: it may refuse the model,
raise while scoring, or score otherwise. numpy and skops only carry a model's numbers, and may differ up to a major one.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from pipelines.errors import PipelineError

_CARRIERS: Final = ("numpy", "skops")


class ModelLibrariesError(PipelineError):
    """A model cannot be read with the libraries that are here. Nothing says that anybody altered it.

    Attributes:
        said: which versions differ, as :func:`in_words` says it.
    """

    def __init__(self, folder: Path, said: str, reason: str) -> None:
        self.said = said
        super().__init__(
            f"The model at {folder} cannot be read here: it was {said} ({reason}). Its files are as they were saved. "
            "Use the checkout or image that trained it, or train it again."
        )


def versions_here(names: tuple[str, ...]) -> dict[str, str]:
    """Return the installed version of each of ``names``, ``none`` of one that is missing."""
    return {name: _version(name) for name in names}


def differing(recorded: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the libraries of another version than ``recorded``, each with that version and the one that is here."""
    here = versions_here(tuple(recorded))
    return {
        name: (then, here[name])
        for name, then in recorded.items()
        if _relevant(name, then) != _relevant(name, here[name])
    }


def in_words(differing: Mapping[str, tuple[str, str]]) -> str:
    """Return what differs: ``trained with scikit-learn 1.7.2, this is 1.9.1``."""
    return "; ".join(f"trained with {name} {then}, this is {now}" for name, (then, now) in differing.items())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # it may come under another distribution's name, such as xgboost-cpu
        try:
            return str(import_module(name).__version__)
        except ImportError:
            return "none"


def _relevant(name: str, version: str) -> list[str]:
    return version.split(".")[: 1 if name in _CARRIERS else 2]
