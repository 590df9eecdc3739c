"""A batch is checked against the model's signature, and every column that does not fit is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.input_profile import open_input, profile_input
from pipelines.model import TrainedModel
from pipelines.signature import Signature, SignatureMismatchError
from pipelines.tables import DataSourceError
from tests.pipelines.conftest import config_of, train


def test_signature_holds_columns_types_and_categories(model: TrainedModel) -> None:
    columns = {column.name: (column.type, column.categories) for column in model.signature.columns}
    assert columns == {
        "dose": ("number", None),
        "visits": ("number", None),
        "ward": ("string", ("A", "B", "C")),
        "code": ("integer", ("1", "2", "3")),
        "smoker": ("boolean", ("false", "true")),
    }
    assert model.signature.id_column == "patient"
    assert model.signature.other_columns == ("outcome", "age")
    assert Signature.model_validate_json(model.signature.model_dump_json()) == model.signature


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dose": None}, "column 'dose': expected number, found no such column"),
        ({"dose": None, "dosis": 1.0}, "found no such column (there is an unknown column 'dosis')"),
        ({"height": 1.0}, "column 'height': expected no such column, found double"),
        ({"dose": "much"}, "column 'dose': expected number, found string"),
        ({"dose": True}, "column 'dose': expected number, found bool"),
        ({"ward": 1}, "column 'ward': expected string (category), found int64"),
        ({"code": "1"}, "column 'code': expected integer (category), found string"),
        ({"smoker": 1}, "column 'smoker': expected boolean (category), found int64"),
        ({"dose": pd.Timestamp("2026-01-01")}, "column 'dose': expected number, found timestamp"),
        ({"patient": None}, "column 'patient': expected the id of each row, integer or string, found no such column"),
        ({"patient": 1.5}, "column 'patient': expected the id of each row, integer or string, found double"),
    ],
)
def test_column_that_does_not_fit_is_named_with_expected_and_found(
    write: Callable[..., Path], config: Any, model: TrainedModel, changes: dict[str, Any], expected: str
) -> None:
    file = write(**changes)
    with pytest.raises(SignatureMismatchError) as error:
        open_input(config, model.signature, str(file))
    assert str(file) in str(error.value)
    assert expected in str(error.value)


def test_every_wrong_column_is_named_at_once(write: Callable[..., Path], config: Any, model: TrainedModel) -> None:
    with pytest.raises(SignatureMismatchError) as error:
        open_input(config, model.signature, str(write(dose=None, ward=1, extra=1)))
    assert len(error.value.problems) == 3


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dose": np.inf}, "column 'dose': a value is infinite"),
        ({"code": 1.5}, "column 'code': a value has a fraction; expected integers"),
        ({"ward": "Z"}, "column 'ward': expected one of A, B, C, found 'Z'"),
        ({"code": 4}, "column 'code': expected one of 1, 2, 3, found '4'"),
        ({"patient": [None, *["p"] * 399]}, "column 'patient': a row has no id"),
    ],
)
def test_value_that_the_model_does_not_take_is_refused_by_column(
    write: Callable[..., Path], config: Any, model: TrainedModel, changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(SignatureMismatchError, match="rows 0 to 399") as error:
        profile_input(config, model.signature, str(write(**changes)))
    assert expected in str(error.value)


def test_csv_value_of_another_type_is_refused_by_column_and_line(
    write: Callable[..., Path], config: Any, model: TrainedModel
) -> None:
    file = write("batch.csv", dose=[*range(398), "much", 1])
    with pytest.raises(SignatureMismatchError, match="column 'dose': expected number, found 'much' in line 400"):
        profile_input(config, model.signature, str(file))


def test_csv_columns_are_checked_by_name(write: Callable[..., Path], config: Any, model: TrainedModel) -> None:
    with pytest.raises(SignatureMismatchError, match="column 'dose': expected number, found no such column"):
        open_input(config, model.signature, str(write("batch.csv", dose=None)))


def test_same_rows_as_csv_and_parquet_have_the_same_digest(
    write: Callable[..., Path], config: Any, model: TrainedModel
) -> None:
    profiles = [profile_input(config, model.signature, str(write(name))) for name in ("batch.csv", "batch.parquet")]
    assert profiles[0].data_digest == profiles[1].data_digest
    assert profiles[0].rows == 400
    assert profiles[0].missing == {"dose": 24, "visits": 0, "ward": 0, "code": 0, "smoker": 0}


def test_integers_that_pandas_stored_as_floats_are_the_same_categories(
    write: Callable[..., Path], config: Any, model: TrainedModel, patients: pd.DataFrame
) -> None:
    whole = profile_input(config, model.signature, str(write("whole.parquet")))
    floats = patients["code"].astype("float64")
    assert profile_input(config, model.signature, str(write(code=floats))).data_digest == whole.data_digest
    floats[0] = np.nan
    assert profile_input(config, model.signature, str(write(code=floats))).missing["code"] == 1


def test_column_order_and_text_encoding_do_not_matter(
    write: Callable[..., Path], config: Any, model: TrainedModel, patients: pd.DataFrame
) -> None:
    plain = profile_input(config, model.signature, str(write("plain.parquet")))
    moved = write("moved.parquet", ward=patients["ward"].astype("category"))
    assert profile_input(config, model.signature, str(moved)).data_digest == plain.data_digest


def test_target_and_sensitive_columns_may_be_there(config: Any, model: TrainedModel, source: Path) -> None:
    assert profile_input(config, model.signature, str(source)).rows == 400


def test_own_source_may_hold_columns_that_were_never_used(
    tmp_path: Path, patients: pd.DataFrame, model: TrainedModel
) -> None:
    file = tmp_path / "source.parquet"
    patients.assign(note="x").to_parquet(file, index=False)
    assert profile_input(config_of(file), model.signature, None).rows == 400
    with pytest.raises(SignatureMismatchError, match="'note': expected no such column"):
        profile_input(config_of(file), model.signature, str(file))


@pytest.mark.parametrize("value", [None, np.nan])
def test_column_without_any_value_is_imputed_and_counted(
    tmp_path: Path, patients: pd.DataFrame, config: Any, model: TrainedModel, value: Any
) -> None:
    file = tmp_path / "batch.parquet"
    patients.assign(dose=value, ward=None).to_parquet(file, index=False)
    profile = profile_input(config, model.signature, str(file))
    assert (profile.missing["dose"], profile.missing["ward"]) == (400, 400)


def test_missing_value_is_refused_by_a_model_that_imputes_none(
    source: Path, write: Callable[..., Path], tmp_path: Path, patients: pd.DataFrame
) -> None:
    features = {"numeric": ["visits"], "categorical": ["ward", "code", "smoker"], "missing": "refuse"}
    strict, _ = train(config_of(source, features=features))
    file = write(dose=None, visits=[None, *[1.0] * 399])
    with pytest.raises(SignatureMismatchError, match="column 'visits': a value is missing, and this model takes none"):
        profile_input(config_of(source), strict.signature, str(file))
    patients.drop(columns="dose").assign(ward=None).to_parquet(file, index=False)
    with pytest.raises(SignatureMismatchError, match=r"column 'ward': expected string .* found null"):
        profile_input(config_of(source), strict.signature, str(file))


def test_new_category_is_counted_by_a_model_that_ignores_them(source: Path, write: Callable[..., Path]) -> None:
    features = {"numeric": ["dose", "visits"], "categorical": ["ward", "code", "smoker"]}
    config = config_of(source, features={**features, "unseen_categories": "ignore"})
    lenient, _ = train(config)
    file = write(ward=["Z"] * 3 + ["A"] * 396 + [None])
    profile = profile_input(config, lenient.signature, str(file))
    assert profile.unseen_categories == {"ward": 3, "code": 0, "smoker": 0}
    assert profile.missing["ward"] == 1


def test_batch_without_rows_is_refused(
    write: Callable[..., Path], config: Any, model: TrainedModel, patients: pd.DataFrame
) -> None:
    file = write("batch.csv")
    file.write_text(file.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(DataSourceError, match="holds no rows"):
        profile_input(config, model.signature, str(file))
