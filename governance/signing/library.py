"""OpenSSF model-signing, imported when it is needed: it takes two seconds and warns of its own dependencies."""

from __future__ import annotations

import warnings
from importlib import import_module
from types import ModuleType


def model_signing(module: str) -> ModuleType:
    """Import ``module`` of the library."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return import_module(f"model_signing.{module}")
