"""A model's folder is somebody else's: whatever it names, nothing of it runs, and no foreign type is read."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
import skops.io
import xgboost
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from pipelines.errors import ModelTamperedError, ModelUntrustedError
from pipelines.stored_estimators import from_files, to_files
from pipelines.trusted_types import trusted_types

ROWS = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) % 7})
LABEL = (ROWS["a"] > 20).astype(int)


class Bomb:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/never",)


@pytest.mark.parametrize(
    "function",
    [
        os.system, eval, exec, open, joblib.load, joblib.dump, pickle.loads, np.load, np.save, np.fromfile, np.savetxt,
        np.memmap, np.genfromtxt, pd.read_pickle, sklearn.datasets.load_svmlight_file, sklearn.datasets.fetch_openml,
        sklearn.set_config, np.seterrcall, np.random.seed, skops.io.load, Path.unlink, np.ndarray.tofile,
    ],
    ids=lambda function: f"{getattr(function, '__module__', '')}.{function.__qualname__}",
)  # fmt: skip
def test_function_inside_an_estimator_is_refused_when_saved_and_when_read(function: Callable[..., Any]) -> None:
    hostile = make_pipeline(FunctionTransformer(function), LogisticRegression())
    try:
        content = skops.io.dumps(hostile)
    except Exception:  # noqa: BLE001  (skops itself cannot write it, so neither can an attacker by its means)
        return
    with pytest.raises(ModelUntrustedError, match="which no model is made of"):
        from_files({"model.skops": content}, "model.skops", "folder")
    with pytest.raises(ModelUntrustedError):
        to_files(hostile, "model.skops")


@pytest.mark.parametrize("loader", ["FunctionNode", "TypeNode", "ObjectNode", "ConstructorFromReduceNode"])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("ctypes", "CDLL"),
        ("sklearn.utils.fixes", "platform"),
        ("sklearn.utils._joblib", "joblib"),
        ("sklearn.externals.array_api_compat", "numpy"),
        ("sklearn.pipeline", "Memory"),
        ("sklearn.datasets._base", "urlretrieve"),
        ("sklearn.datasets", "load_files"),
        ("sklearn", "set_config"),
        ("numpy", "load"),
        ("numpy", "memmap"),
        ("numpy.ctypeslib", "load_library"),
        ("scipy.io", "loadmat"),
        ("pipelines.teams", "Own"),
    ],
)
def test_name_written_into_the_file_by_hand_is_refused_whatever_it_is_said_to_be(
    loader: str, module: str, name: str
) -> None:
    node = {
        "__module__": module, "__class__": name, "__loader__": loader, "__id__": 999,
        "content": {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": []},
    }  # fmt: skip
    content = _with_node(node)
    with pytest.raises(ModelUntrustedError, match=rf"{module}\.{name}"):
        from_files({"model.skops": content}, "model.skops", "folder")


def test_method_of_a_trusted_type_is_no_way_around() -> None:
    inner = {"__module__": "sklearn.linear_model._logistic", "__class__": "LogisticRegression"}
    node = {
        **inner, "__loader__": "MethodNode", "__id__": 998,
        "content": {"func": "fit", "obj": {**inner, "__loader__": "ObjectNode", "__id__": 997}},
    }  # fmt: skip
    with pytest.raises(ModelUntrustedError, match=r"LogisticRegression\.fit"):
        from_files({"model.skops": _with_node(node)}, "model.skops", "folder")


def test_class_of_another_library_is_not_trusted_for_descending_from_an_estimator() -> None:
    class Estimator(LogisticRegression):
        """Descends from an estimator, and may do anything."""

    trusted_types.cache_clear()
    names = trusted_types()
    assert f"{Estimator.__module__}.Estimator" not in names
    assert {name.partition(".")[0] for name in names} == {"collections", "numpy", "scipy", "sklearn"}


def _with_node(node: dict[str, Any]) -> bytes:
    """Return a model's file in which ``node`` is the function of a transformer."""
    source = zipfile.ZipFile(io.BytesIO(skops.io.dumps(FunctionTransformer(None))))
    schema = json.loads(source.read("schema.json"))
    schema["content"]["content"]["func"] = node
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as target:
        target.writestr("schema.json", json.dumps(schema))
    return written.getvalue()


@pytest.fixture(scope="module")
def boosted() -> dict[str, dict[str, bytes]]:
    """Saved models by library."""
    models = {"xgboost": xgboost.XGBClassifier(n_estimators=2), "lightgbm": lightgbm.LGBMClassifier(n_estimators=2)}
    return {
        name: to_files(Pipeline([("model", model.fit(ROWS, LABEL))]), "model.skops") for name, model in models.items()
    }


@pytest.mark.parametrize(("library", "file"), [("xgboost", "booster-1.ubj"), ("lightgbm", "booster-1.txt")])
@pytest.mark.parametrize("content", [pickle.dumps(Bomb()), b"{\x00", b"tree\nversion=v4\n", b""])
def test_booster_that_is_not_in_its_library_s_own_format_is_refused(
    boosted: dict[str, dict[str, bytes]], library: str, file: str, content: bytes
) -> None:
    with pytest.raises(ModelUntrustedError, match=f"{file} is not a model in {library}'s own format"):
        from_files({**boosted[library], file: content}, "model.skops", "folder")
    assert not Path("/tmp/never").exists()


def test_booster_that_is_missing_is_refused(boosted: dict[str, dict[str, bytes]]) -> None:
    files = boosted["xgboost"]
    with pytest.raises(ModelTamperedError, match=r"holds no booster-1\.ubj"):
        from_files({"model.skops": files["model.skops"]}, "model.skops", "folder")


def test_booster_pickled_into_the_skops_file_is_refused() -> None:
    content = skops.io.dumps(xgboost.XGBClassifier(n_estimators=2).fit(ROWS, LABEL))
    with pytest.raises(
        ModelUntrustedError, match=r"xgboost.core.Booster, which no model is made of: use the library's"
    ):
        from_files({"model.skops": content}, "model.skops", "folder")
