"""Estimators as files and back, without pickle: skops for what scikit-learn holds, boosters in their own formats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zipfile import ZIP_DEFLATED

from pipelines.boosters import BOOSTERS, PLACEHOLDER, WRAPPERS, put_back, take_out
from pipelines.errors import ModelUntrustedError
from pipelines.trusted_types import trusted_types


def to_files(estimator: Any, name: str) -> dict[str, bytes]:
    """Return ``estimator`` as files, content by name; the one called ``name`` holds all but the boosters.

    Raises:
        ModelUntrustedError: it holds a type that could not be read back; the message says which, and what to do.
    """
    from skops.io import dumps
    from skops.io.exceptions import UnsupportedTypeException

    without, boosters = take_out(estimator)
    try:
        data = dumps(without, compression=ZIP_DEFLATED)
    except UnsupportedTypeException as error:
        raise ModelUntrustedError(f"{name} cannot be written: {error}") from error
    untrusted_in(data, name)
    return {name: data, **boosters}


def from_files(contents: Mapping[str, bytes], name: str, where: str) -> Any:
    """Return the estimator that :func:`to_files` wrote; ``where`` is the folder, for messages.

    Raises:
        ModelTamperedError: a booster's file is missing.
        ModelUntrustedError: a file holds a type that no model is made of, or is not in its library's own format.
    """
    from skops.io import loads

    # Only those that are there: skops looks through the list again for every part of the model.
    estimator = loads(contents[name], trusted=untrusted_in(contents[name], f"{where}/{name}"))
    put_back(estimator, contents, where)
    return estimator


def untrusted_in(data: bytes, where: str) -> list[str]:
    """Return the types in a skops file that skops does not trust itself, all of which a model may hold.

    Raises:
        ModelUntrustedError: there is one that a model may not hold.
    """
    from skops.io import get_untrusted_types

    found = get_untrusted_types(data=data)
    refused = sorted(set(found) - trusted_types() - WRAPPERS - {PLACEHOLDER})
    if refused:
        hint = ": use the library's scikit-learn estimators, such as XGBClassifier" if BOOSTERS & set(refused) else ""
        raise ModelUntrustedError(f"{where} holds {', '.join(refused)}, which no model is made of{hint}")
    return list(found)
