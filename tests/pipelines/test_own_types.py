"""Types of a team's own: in a model only once they were reviewed, and only with the code it was trained with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pipelines.teams
from pipelines import own_types
from pipelines.config import ConfigError
from pipelines.errors import ModelUntrustedError
from pipelines.estimators import check_estimator
from pipelines.model import read_model, save_model
from pipelines.own_types import OwnTypesError, allowed_types
from tests.pipelines.conftest import config_of, train

CODE = '''
"""Transformers of a team's own."""

from sklearn.base import BaseEstimator, TransformerMixin

from pipelines.teams.laboratory import units


class Scaled(TransformerMixin, BaseEstimator):
    def __init__(self, factor=2.0):
        self.factor = factor

    def fit(self, X, y=None):
        self.columns_ = list(X.columns)
        return self

    def transform(self, X):
        return X * self.factor * units.UNIT

    def get_feature_names_out(self, names=None):
        return self.columns_
'''
NAME = "pipelines.teams.laboratory.transformers.Scaled"


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package of a team, and the reviewed file that names its type."""
    package = tmp_path / "laboratory"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "units.py").write_text("UNIT = 1.0\n", encoding="utf-8")
    (package / "transformers.py").write_text(CODE, encoding="utf-8")
    monkeypatch.setattr(pipelines.teams, "__path__", [*pipelines.teams.__path__, str(tmp_path)])
    monkeypatch.setattr(own_types, "FILE", tmp_path / "own_types.yaml")
    (tmp_path / "own_types.yaml").write_text(f"laboratory:\n  - {NAME}\n", encoding="utf-8")
    yield package
    for name in [name for name in sys.modules if name.startswith("pipelines.teams.laboratory")]:
        del sys.modules[name]


def test_transformer_that_names_no_columns_is_refused_before_a_run(team: Path) -> None:
    code = (team / "transformers.py").read_text(encoding="utf-8")
    (team / "transformers.py").write_text(code[: code.index("    def get_feature_names_out")], encoding="utf-8")
    with pytest.raises(ConfigError, match=r"preprocessing.0.type: .*Scaled does not name the columns.*OneToOneFeature"):
        check_estimator(config_of("people.parquet", features={"numeric": ["dose"], "preprocessing": [{"type": NAME}]}))


@pytest.fixture
def own(team: Path, source: Path, tmp_path: Path) -> tuple[Path, str, Callable[[], pd.DataFrame]]:
    """Folder and digest of a model that holds the type, and rows that it was not trained on."""
    steps = [{"type": "sklearn.impute.SimpleImputer"}, {"type": NAME, "parameters": {"factor": 3.0}}]
    trained, sets = train(config_of(source, features={"numeric": ["dose", "visits"], "preprocessing": steps}))
    expected = trained.predict_probability(sets.validation)
    digest = save_model(trained, tmp_path / "model")
    read = read_model(tmp_path / "model", digest)
    np.testing.assert_array_equal(read.predict_probability(sets.validation), expected)
    assert list(read.signature.own_types) == [NAME]
    return tmp_path / "model", digest, lambda: sets.validation


def test_model_with_a_reviewed_type_is_read_while_its_code_stands(own: tuple[Path, str, object], team: Path) -> None:
    (team / "explore.py").write_text("", encoding="utf-8")  # what the type does not import is free to change
    read_model(own[0], own[1])


@pytest.mark.parametrize("file", ["transformers.py", "units.py", "__init__.py"])
def test_model_is_refused_once_the_code_of_its_type_has_changed(
    own: tuple[Path, str, object], team: Path, file: str
) -> None:
    with (team / file).open("a", encoding="utf-8") as code:
        code.write("\nraise AssertionError('imported before it was compared')\n")
    for name in [name for name in sys.modules if name.startswith("pipelines.teams.laboratory")]:
        del sys.modules[name]
    with pytest.raises(ModelUntrustedError, match=rf"{NAME}, whose code in .* is not what the model was trained with"):
        read_model(own[0], own[1])


def test_model_is_refused_once_its_type_is_named_no_more(own: tuple[Path, str, object]) -> None:
    own_types.FILE.write_text("{}", encoding="utf-8")
    with pytest.raises(
        ModelUntrustedError, match=rf"{NAME}, of a team's own code, which .*own_types.yaml does not name"
    ):
        read_model(own[0], own[1])


def test_type_that_nobody_reviewed_is_refused_before_anything_is_trained(team: Path) -> None:
    own_types.FILE.write_text("{}", encoding="utf-8")
    config = config_of("people.parquet", features={"numeric": ["dose"], "preprocessing": [{"type": NAME}]})
    with pytest.raises(
        ModelUntrustedError, match=r"preprocessing.0.type holds .*Add it there; the platform team reviews"
    ):
        check_estimator(config)


def test_wrong_parameter_of_an_own_type_is_refused(team: Path) -> None:
    steps = [{"type": NAME, "parameters": {"factr": 3.0}}]
    with pytest.raises(ConfigError, match=r"Scaled has no such parameter\. Did you mean 'factor'"):
        check_estimator(config_of("people.parquet", features={"numeric": ["dose"], "preprocessing": steps}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("laboratory: [os.system]", "'os.system' is not in the team's package pipelines.teams.laboratory"),
        ("laboratory: [pipelines.teams.other.T]", "is not in the team's package"),
        ("[a]", "must hold a list of dotted names for each team"),
        ("laboratory: [", "not valid YAML"),
    ],
)
def test_file_of_reviewed_types_that_is_wrong_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(OwnTypesError, match=words):
        allowed_types(tmp_path / "own.yaml")


def test_reviewed_file_belongs_to_the_platform_team() -> None:
    assert own_types._reviewers() == "@acme/ml-platform"
    allowed_types()
