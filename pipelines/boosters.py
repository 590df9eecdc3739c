"""Boosters of XGBoost and LightGBM inside an estimator: taken out into files in the libraries' own formats, put back.

A model's skops file holds a :class:`StoredBooster` in place of each, however deep it sits in a pipeline, a stack or a
calibration. The files hold trees and nothing that could run: XGBoost's universal binary JSON, and LightGBM's text.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, Final

from pipelines.errors import ModelTamperedError, ModelUntrustedError

WRAPPERS: Final = frozenset(
    {
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRFClassifier",
        "xgboost.sklearn.XGBRFRegressor",
        "xgboost.sklearn.XGBRegressor",
    }
)
"""Estimators that hold a booster, by their dotted names."""

BOOSTERS: Final = frozenset({"lightgbm.basic.Booster", "xgboost.core.Booster"})
"""What they hold, which goes into files of its own."""

PLACEHOLDER: Final = "pipelines.boosters.StoredBooster"

_FILE: Final = re.compile(r"booster-\d+\.(ubj|txt)")


class StoredBooster:
    """Stands for a booster that has a file of its own."""

    def __init__(self, file: str) -> None:
        self.file = file


def take_out(estimator: Any) -> tuple[Any, dict[str, bytes]]:
    """Return a copy of ``estimator`` without its boosters, and those as files: content by name."""
    files: dict[str, bytes] = {}
    memo: dict[int, Any] = {}
    for wrapper in _wrappers(estimator):
        booster = getattr(wrapper, "_Booster", None)
        if booster is None or id(booster) in memo:
            continue
        of_xgboost = _name_of(wrapper).startswith("xgboost.")
        name = f"booster-{len(files) + 1}.{'ubj' if of_xgboost else 'txt'}"
        files[name] = bytes(booster.save_raw("ubj")) if of_xgboost else booster.model_to_string().encode()
        memo[id(booster)] = StoredBooster(name)
    # A copy's parts are looked up in the memo first, so that no booster is copied.
    return (copy.deepcopy(estimator, memo), files) if files else (estimator, files)


def put_back(estimator: Any, files: Mapping[str, bytes], where: str) -> None:
    """Put the boosters of ``files`` back into ``estimator``.

    Raises:
        ModelTamperedError: a booster's file is missing.
        ModelUntrustedError: a file is not in its library's own format.
    """
    for wrapper in _wrappers(estimator):
        stored = getattr(wrapper, "_Booster", None)
        if isinstance(stored, StoredBooster):
            if stored.file not in files or not is_booster_file(stored.file):
                raise ModelTamperedError(f"{where}: holds no {stored.file}")
            wrapper._Booster = _read(files[stored.file], f"{where}/{stored.file}", wrapper)


def is_booster_file(name: str) -> bool:
    """Return whether a file of this name holds a booster."""
    return _FILE.fullmatch(name) is not None


def libraries_in(estimator: Any) -> set[str]:
    """Return the names of the boosting libraries whose estimators are inside ``estimator``."""
    return {_name_of(wrapper).partition(".")[0] for wrapper in _wrappers(estimator)}


def _read(content: bytes, where: str, wrapper: Any) -> Any:
    library = _name_of(wrapper).partition(".")[0]
    refused = ModelUntrustedError(f"{where} is not a model in {library}'s own format, so it is not read")
    if library == "xgboost":
        import xgboost

        if not content.startswith(b"{"):
            raise refused
        booster = xgboost.Booster({"nthread": wrapper.n_jobs} if wrapper.n_jobs else None)
        try:
            booster.load_model(bytearray(content))
        except xgboost.core.XGBoostError as error:
            raise refused from error
        return booster
    import lightgbm

    if not content.startswith(b"tree\n"):
        raise refused
    try:
        return lightgbm.Booster(model_str=content.decode("utf-8"))
    except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
        raise refused from error


def _wrappers(root: Any) -> Iterator[Any]:
    """Yield every estimator with a booster inside ``root``, each once."""
    return (found for found in parts_of(root) if _name_of(found) in WRAPPERS)


def parts_of(root: Any) -> Iterator[Any]:
    """Yield ``root`` and every object inside it, each once."""
    seen: dict[int, Any] = {}  # holds what it has seen, so that no id is given twice
    left = [root]
    while left:
        found = left.pop()
        if id(found) in seen or isinstance(found, str | bytes | int | float | type | ModuleType | None):
            continue
        seen[id(found)] = found
        if isinstance(found, Mapping):
            left.extend(found.values())
        elif isinstance(found, list | tuple | set | frozenset):
            left.extend(found)
        elif _name_of(found) == "numpy.ndarray":
            if found.dtype == object:
                left.extend(found.ravel())
        else:
            yield found
            left.extend(getattr(found, "__dict__", {}).values())


def _name_of(found: Any) -> str:
    return f"{type(found).__module__}.{type(found).__qualname__}"
