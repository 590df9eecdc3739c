"""Rows are labelled so that 1 is risk, divided without leaking, and refused by name where they do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from pipelines import read_config
from pipelines.columns import category_text
from pipelines.config import Split, Target
from pipelines.data import DataError, data_digest, load_training_sets, load_validation_set
from pipelines.labels import LabelError, define_label
from pipelines.signature import Signature
from pipelines.splits import SplitError
from pipelines.tables import DataSourceError
from tests.pipelines.conftest import config_of, make_patients, train


def test_risk_of_the_breast_cancer_set_is_malignancy() -> None:
    sets = load_training_sets(read_config("breast_cancer_classifier"))
    bunch = load_breast_cancer(as_frame=True)
    malignant = bunch.frame[bunch.target_names[bunch.target] == "malignant"]
    risks = pd.concat([sets.training, sets.validation]).query("label == 1")
    assert len(risks) == len(malignant) == 212
    assert sorted(risks["mean radius"]) == sorted(malignant["mean radius"])
    # A malignant tumour is larger; holds on the data whatever the coding.
    assert risks["mean radius"].mean() > sets.training.query("label == 0")["mean radius"].mean() + 4


def test_high_risk_of_the_diabetes_set_is_the_top_quartile_of_the_training_rows() -> None:
    sets = load_training_sets(read_config("diabetes_progression_classifier"))
    risk = sets.description.label
    progression = load_diabetes(as_frame=True, scaled=False).frame.rename(columns={"target": "progression"})
    keys = ["age", "bmi", "bp", "s1", "s5", "s6"]
    training = sets.training.merge(progression, on=keys)
    assert len(training) == len(sets.training)
    assert risk.above == np.quantile(training["progression"], 0.75)
    both = pd.concat([sets.training, sets.validation]).merge(progression, on=keys)
    assert (both["label"] == (both["progression"] > risk.above)).all()
    assert {"age", "sex"} <= set(sets.validation.columns)


def test_rows_are_divided_once_and_in_proportion(config: Any, patients: pd.DataFrame) -> None:
    sets = load_training_sets(config)
    assert len(sets.training) + len(sets.validation) == len(patients)
    assert len(sets.validation) == round(0.3 * len(patients))
    key = ["dose", "visits", "age", "code"]
    assert not set(map(tuple, sets.training.dropna()[key].to_numpy())) & set(
        map(tuple, sets.validation.dropna()[key].to_numpy())
    )
    share = (patients["outcome"] == "ill").mean()
    assert sets.training["label"].mean() == pytest.approx(share, abs=0.01)
    assert sets.validation["label"].mean() == pytest.approx(share, abs=0.01)


def test_split_follows_the_seed(source: Path) -> None:
    one, again, other = (load_training_sets(config_of(source, split={"seed": seed})).description for seed in (1, 1, 2))
    assert one == again
    assert one.validation_digest != other.validation_digest


def test_frames_hold_features_sensitive_attributes_and_risk_in_the_models_form(config: Any) -> None:
    sets = load_training_sets(config)
    types = {name: str(kind) for name, kind in sets.training.dtypes.items()}
    assert types == {
        "dose": "float64",
        "visits": "float64",
        "ward": "object",
        "code": "object",
        "smoker": "object",
        "age": "float64",
        "label": "int64",
    }
    assert set(sets.training["code"]) == {"1", "2", "3"}
    assert set(sets.training["smoker"]) == {"true", "false"}
    assert sets.description.training_digest == data_digest(sets.training)
    assert sets.description.validation_digest == data_digest(sets.validation)
    assert sets.description.training_labels["risk"] == sets.training["label"].sum()


@pytest.mark.parametrize("name", ["patients.csv", "patients.parquet"])
def test_csv_and_parquet_give_the_same_rows(tmp_path: Path, patients: pd.DataFrame, name: str, config: Any) -> None:
    file = tmp_path / name
    (patients.to_csv if name.endswith("csv") else patients.to_parquet)(file, index=False)
    sets = load_training_sets(config_of(file))
    pd.testing.assert_frame_equal(sets.training, load_training_sets(config).training)


def test_released_models_rows_are_the_held_out_ones_labelled_as_it_defines_risk() -> None:
    config = read_config("diabetes_progression_classifier")
    sets = load_training_sets(config)
    signature = train(config)[0].signature
    pd.testing.assert_frame_equal(load_validation_set(config, signature), sets.validation)

    def changed(**label: Any) -> Signature:
        return signature.model_copy(update={"label": signature.label.model_copy(update=label)})

    fewer = load_validation_set(config, changed(above=300.0))
    assert 0 < fewer["label"].sum() < sets.validation["label"].sum()
    with pytest.raises(DataError, match="predicts 'progression'"):
        load_validation_set(config, changed(column="progression"))
    with pytest.raises(DataError, match="split is not the one that"):
        load_validation_set(config.model_copy(update={"split": Split(seed=1)}), signature)


OUTCOME = {"column": "outcome", "meaning": "is ill"}
VISITS = {"column": "visits", "meaning": "comes often"}
DOSE = {"column": "dose", "meaning": "takes much"}


@pytest.mark.parametrize(
    ("changes", "error", "expected"),
    [
        ({"features": {"numeric": ["dosis"]}}, DataError, "has no column 'dosis'; it has patient, dose"),
        ({"sensitive": ["sex"]}, DataError, "has no column 'sex'"),
        ({"target": {**OUTCOME, "column": "result", "above": 1}}, DataError, "has no column 'result', the target"),
        ({"features": {"numeric": ["ward"]}}, DataError, "column 'ward' is of type string; a numeric column is"),
        ({"features": {"numeric": ["smoker"]}}, DataError, "column 'smoker' is of type bool; a numeric column is"),
        ({"features": {"categorical": ["dose"]}}, DataError, "column 'dose': a value has a fraction"),
        ({"features": {"numeric": ["dose"], "missing": "refuse"}}, DataError, "column 'dose': a value is missing"),
        ({"target": {**OUTCOME, "risk_values": ["sick"]}}, LabelError, "sick does not occur in 'outcome'"),
        ({"target": {**OUTCOME, "above": 1}}, LabelError, "of type object; a number is needed"),
        ({"target": {**DOSE, "above": 1}, "features": {"numeric": ["visits"]}}, LabelError, "'dose' is missing in"),
        ({"target": {**VISITS, "above": 99}, "features": {"numeric": ["dose"]}}, SplitError, "0 of 400 rows are of"),
        ({"split": {"validation_share": 0.999}}, SplitError, "400 rows cannot be divided"),
    ],
)
def test_data_that_does_not_fit_the_config_is_refused_by_name(
    source: Path, changes: dict[str, Any], error: type[Exception], expected: str
) -> None:
    with pytest.raises(error) as raised:
        load_training_sets(config_of(source, **changes))
    assert expected in str(raised.value)


@pytest.mark.parametrize(
    ("column", "values", "error", "expected"),
    [
        ("dose", np.inf, DataError, "column 'dose': a value is infinite"),
        ("dose", np.nan, DataError, "'dose': no value in any training row"),
        ("dose", None, DataError, "column 'dose' has no value in any row"),
        ("dose", pd.Timestamp("2026-01-01"), DataError, "column 'dose' is of type timestamp"),
        ("outcome", pd.Timestamp("2026-01-01"), LabelError, "target 'outcome' is of type timestamp"),
        ("outcome", None, LabelError, "ill does not occur"),
    ],
)
def test_unusable_column_is_refused_by_name(
    tmp_path: Path, patients: pd.DataFrame, column: str, values: Any, error: type[Exception], expected: str
) -> None:
    file = tmp_path / "patients.parquet"
    patients.assign(**{column: values}).to_parquet(file)
    with pytest.raises(error) as raised:
        load_training_sets(config_of(file))
    assert expected in str(raised.value)


def test_training_rows_of_one_class_are_refused(tmp_path: Path) -> None:
    """Two of three ties fall among six training rows: no value is above the quantile that they give."""
    file = tmp_path / "patients.parquet"
    make_patients(12).assign(level=[0.0] * 9 + [1.0] * 3).to_parquet(file)
    config = config_of(
        file,
        target={"column": "level", "meaning": "x", "above_quantile": 0.81},
        features={"numeric": ["visits"]},
        split={"seed": 0, "validation_share": 0.5},
    )
    with pytest.raises(DataError, match="no training row is risk; rows of every class are needed"):
        load_training_sets(config)


def test_empty_file_is_refused(tmp_path: Path, source: Path) -> None:
    file = tmp_path / "patients.parquet"
    pq.write_table(pq.read_table(source).slice(0, 0), file)
    with pytest.raises(DataSourceError, match="holds no rows"):
        load_training_sets(config_of(file))


@pytest.mark.parametrize(
    ("values", "risk_values"),
    [([0, 1], [0]), ([0.0, 1.0], [0]), (["0", "1"], [0]), ([False, True], [False]), (["no", "yes"], ["no"])],
)
def test_values_that_mean_risk_are_found_in_any_coding(values: list[Any], risk_values: list[Any]) -> None:
    rule = Target(column="y", meaning="x", risk_values=risk_values)
    target = pd.Series(values)
    assert define_label("binary", rule, target).label(target).tolist() == [1, 0]


def test_value_above_a_number_is_a_risk_and_the_number_itself_is_none() -> None:
    target = pd.Series([1.0, 2.0, 3.0])
    assert define_label("binary", Target(column="y", meaning="x", above=2), target).label(target).tolist() == [0, 0, 1]


def test_category_has_one_text_in_every_type() -> None:
    assert {category_text(value) for value in (1, 1.0, np.int8(1), np.float32(1), "1")} == {"1"}
    assert (category_text(True), category_text(np.bool_(False))) == ("true", "false")
    assert (category_text(2**53 + 1), category_text(1.5)) == (str(2**53 + 1), "1.5")


ADMITTED = ["2024-02-29", "2024-03-01 06:00:00", None, "1999-12-31T23:59:59.5"]
DAYS = [19782.0, 19783.25, None, 10957 - 0.5 / 86400]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (pa.string(), "dates.csv"),
        (pa.timestamp("us"), "dates.parquet"),
        (pa.timestamp("ns", "Europe/Paris"), "dates.parquet"),
        (pa.timestamp("ms"), "dates.parquet"),
    ],
)
def test_dates_are_days_since_an_epoch_however_they_are_stored(tmp_path: Path, kind: Any, name: str) -> None:
    moments = pa.array(ADMITTED).cast(pa.timestamp("us"))
    stored = pa.array(ADMITTED) if kind == pa.string() else moments.cast(pa.timestamp(kind.unit)).cast(kind)
    table = pa.table({"admitted": [*stored.to_pylist()] * 5, "outcome": [0, 0, 1, 1, 1] * 4})
    if name.endswith("csv"):
        pa.csv.write_csv(table, tmp_path / name)
    else:
        pq.write_table(table.set_column(0, "admitted", pa.concat_arrays([stored] * 5)), tmp_path / name)
    target = {"column": "outcome", "meaning": "is ill", "risk_values": [1]}
    for epoch, shift in (("1970-01-01", 0), ("2000-01-01", 10957)):
        features = {"dates": ["admitted"], "date_epoch": epoch}
        sets = load_training_sets(config_of(tmp_path / name, target=target, features=features, sensitive=[]))
        found = pd.concat([sets.training, sets.validation])["admitted"]
        assert set(found.dropna()) == {day - shift for day in DAYS if day is not None}
        assert found.isna().sum() == 5
        assert sets.description.columns[0].type == "date"


def test_date_that_is_none_is_refused_by_line(tmp_path: Path) -> None:
    (tmp_path / "dates.csv").write_text("admitted,outcome\n2024-01-01,1\n01.02.2024,0\n")
    target = {"column": "outcome", "meaning": "is ill", "risk_values": [1]}
    with pytest.raises(DataSourceError, match=r"column 'admitted': expected date, found '01.02.2024' in line 3"):
        load_training_sets(
            config_of(tmp_path / "dates.csv", target=target, features={"dates": ["admitted"]}, sensitive=[])
        )


def test_category_with_too_many_values_is_refused_with_ten_of_them(tmp_path: Path, patients: pd.DataFrame) -> None:
    file = tmp_path / "patients.parquet"
    patients.assign(ward=[f"w{number}" for number in range(400)]).to_parquet(file)
    features = {"categorical": ["ward"], "category_limit": 399}
    with pytest.raises(DataError, match=r"more than 399 different values: w0, w1.*w9, \.\.\. \(400 in all\)") as error:
        load_training_sets(config_of(file, features=features))
    assert "w10" not in str(error.value)
    load_training_sets(config_of(file, features={**features, "category_limit": 400}))
