"""Estimators as files and back, without pickle.

skops for what scikit-learn holds, boosters in their libraries' own formats, ONNX as it is.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from types import FunctionType
from typing import Any

from pipelines.boosters import BOOSTERS, PLACEHOLDER, WRAPPERS, libraries_in, parts_of, put_back, take_out
from pipelines.errors import ModelUntrustedError
from pipelines.onnx_models import ONNX_FILE, OnnxModel, onnx_files, read_onnx
from pipelines.own_types import is_own, refuse_changed, refuse_unlisted, source_digest
from pipelines.skops_files import repeatable
from pipelines.trusted_types import trusted_types


def to_files(estimator: Any, name: str) -> dict[str, bytes]:
    """Return ``estimator`` as files, content by name; the one called ``name`` holds all but the boosters.

    Raises:
        ModelUntrustedError: it holds a type that could not be read back; the message says which, and what to do.
    """
    from skops.io import dumps
    from skops.io.exceptions import UnsupportedTypeException

    if isinstance(estimator, OnnxModel):
        return onnx_files(estimator)
    without, boosters = take_out(estimator)
    try:
        data = repeatable(dumps(without))
    except UnsupportedTypeException as error:
        raise ModelUntrustedError(f"{name} cannot be written: {error}") from error
    _checked_types(data, name)
    return {name: data, **boosters}


def from_files(contents: Mapping[str, bytes], name: str, where: str, own_types: Mapping[str, str] | None = None) -> Any:
    """Return the estimator that :func:`to_files` wrote.

    Args:
        contents: The files by name.
        name: The one that holds all but the boosters.
        where: The folder, for messages.
        own_types: The digests of the code of types of a team's own, which must be those of the code that is here;
            not compared when None, for what the same run has written.

    Raises:
        ModelTamperedError: a booster's file is missing.
        ModelUntrustedError: a file holds a type that no model is made of, or whose code is another, or is not in its
            library's own format.
    """
    from skops.io import loads

    if is_onnx(contents, name):
        return read_onnx(contents)
    found = _checked_types(contents[name], f"{where}/{name}")
    if own_types is not None:
        refuse_changed(found, own_types, f"{where}/{name}")
    # Only those that are there: skops looks through the list again for every part of the model.
    estimator = loads(contents[name], trusted=found)
    put_back(estimator, contents, where)
    return estimator


def is_onnx(contents: Container[str], name: str) -> bool:
    """Return whether a model's files hold it in ONNX, and not in a skops file called ``name``."""
    return ONNX_FILE in contents and name not in contents


def libraries_of(estimator: Any) -> tuple[str, ...]:
    """Return the libraries that reading and scoring with ``estimator`` needs."""
    if isinstance(estimator, OnnxModel):
        return ("numpy", "onnxruntime")
    return ("scikit-learn", "numpy", "skops", *sorted(libraries_in(estimator)))


def own_types_in(estimator: Any) -> dict[str, str]:
    """Return the digests of the code of the types of a team's own inside ``estimator``, by their dotted names.

    Raises:
        ModelUntrustedError: one is not in a module of a team's package.
    """
    kinds = {found if isinstance(found, FunctionType) else type(found) for found in parts_of(estimator)}
    names = sorted(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)
    return {name: source_digest(name) for name in names if is_own(name)}


def _checked_types(data: bytes, where: str) -> list[str]:
    """Return the types in a skops file that skops does not trust itself, all of which a model may hold.

    Raises:
        ModelUntrustedError: there is one that a model may not hold.
    """
    from skops.io import get_untrusted_types

    found = get_untrusted_types(data=data)
    refused = sorted(name for name in set(found) - trusted_types() - WRAPPERS - {PLACEHOLDER} if not is_own(name))
    if refused:
        hint = ": use the library's scikit-learn estimators, such as XGBClassifier" if BOOSTERS & set(refused) else ""
        raise ModelUntrustedError(f"{where} holds {', '.join(refused)}, which no model is made of{hint}")
    refuse_unlisted(found, where)
    return list(found)
