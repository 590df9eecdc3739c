"""A wrong config is refused with a message that says which file, which key and what is allowed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from pipelines import CONFIGS, ConfigError, list_models, read_config
from pipelines.__main__ import app
from pipelines.schema import SCHEMA_FILE, render_schema, write_schema
from tests.conftest import edit_yaml

EXAMPLE = "diabetes_progression_classifier"


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(raw: dict[str, Any]) -> None:
        *parents, key = path.split(".")
        for parent in parents:
            raw = raw[parent]
        raw[key] = value

    return change


def _own_metric(name: str) -> Callable[[dict[str, Any]], None]:
    return _set("metrics", {name: {"function": "pipelines.teams.oncology.metrics:cost", "better": "lower"}})


def _classes(classes: list[Any], metric: str) -> Callable[[dict[str, Any]], None]:
    target = {"column": "target", "meaning": "one of them", "classes": classes}
    changed = {"task": "multiclass", "target": target, "metrics": {metric: {"at_least": 0.5}}}

    def change(raw: dict[str, Any]) -> None:
        raw.update(changed)
        raw.pop("decision_threshold")

    return change


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    text = (CONFIGS / f"{EXAMPLE}.yaml").read_text(encoding="utf-8")
    (tmp_path / f"{EXAMPLE}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_set("modell", "x"), "modell: unknown key. Did you mean 'model'?"),
        (_set("features.numerical", ["x"]), "features.numerical: unknown key. Did you mean 'numeric'?"),
        (_set("estimator.kind", 3), "estimator.kind: unknown key. Allowed: parameters, search, type."),
        (_set("estimator.type", "svm"), "give one of 'logistic_regression', 'random_forest', 'gradient_boosting', or"),
        (_set("estimator.type", "os.system"), "'os.system' is not an estimator"),
        (_set("estimator.search", {"parameters": {"C": [1]}, "candidates": 3}), "candidates: only for method random"),
        (_set("estimator.search", {"parameters": {"C": []}}), "estimator.search.parameters.C: "),
        (_set("features.preprocessing", [{"type": "math.sqrt"}]), "'math.sqrt' is not an estimator"),
        (lambda raw: raw.pop("target"), "target: is required"),
        (_set("target.risk_values", [1]), "target: give exactly one of risk_values, above, above_quantile"),
        (lambda raw: raw["target"].pop("above_quantile"), "target: give exactly one of"),
        (_classes([1, 2], "recall of 3"), "metrics: 'recall of 3': target.classes has no '3'. Allowed: 1, 2."),
        (_classes([True, "true"], "accuracy"), "true: named more than once"),
        (_classes([1, 2], "recal of 2"), "and 'recall of <class>'"),
        (_set("target.above_quantile", 1.5), "target.above_quantile: Input should be less than 1 (found 1.5)"),
        (_set("source", "sklearn:iris"), "source.path: 'sklearn:iris' is not a bundled data set; there are"),
        (_set("source", "https://example.com/x.csv"), "https:// is not read; use a path or one of s3://"),
        (_set("source", "patients.xlsx"), "source.path: 'patients.xlsx' must end in .csv, .csv.gz, .parquet or"),
        (
            _set("source", {"path": "a.csv", "seperator": ";"}),
            "source.seperator: unknown key. Did you mean 'separator'?",
        ),
        (_set("source", {"type": "oracle"}), "source: Input tag 'oracle' found using 'type' does not match"),
        (_set("features.numeric", ["target"]), "'target' is the target; a model must not see what it predicts"),
        (_set("features.numeric", ["sex"]), "features: sex: listed more than once"),
        (_set("features", {"numeric": []}), "features: name at least one numeric, date or categorical column"),
        (_set("features.categorical", ["label"]), "'label' is the name of the label"),
        (_set("split", {"method": "group", "group": "label"}), "'label' is the name of the label"),
        (_set("features.categorical", ["the model's predictions"]), "is the name of what a model says of all rows"),
        (_set("sensitive", ["target"]), "sensitive: 'target' is the target"),
        (_set("sensitive", ["age", "age"]), "sensitive: a column is listed more than once"),
        (_set("sensitive", [{"column": "sex", "bands": [1]}]), "sensitive: 'sex' is categorical, so it has no bands"),
        (_set("sensitive", [{"column": "age", "bands": [60, 50]}]), "edges must rise, each given once"),
        (_set("sensitive", ["age", {"column": "age"}]), "sensitive: a column is listed more than once"),
        (_own_metric("share of held-out rows trained on"), "name your own in small letters"),  # a gate's own measure
        (_own_metric("roc_auc"), "metrics: 'roc_auc' is a built-in metric; name your own differently"),
        (_set("metrics", {"roc_auc": {"at_most": 1}}), "roc_auc: higher is better, so its limit is at_least"),
        (_set("ranges", {"sex": [0, 1]}), "ranges: 'sex' is not a numeric feature"),
        (_set("ranges", {"age": [80, 20]}), "ranges: age: 80 is not less than 20"),
        (_set("id_column", "age"), "id_column: 'age' is already a feature, sensitive or the target"),
        (_set("id_column", "risk_flag"), "id_column: 'risk_flag' is a column of the predictions"),
        (_set("decision_threshold", 1), "decision_threshold: Input should be less than 1 (found 1)"),
        (_set("decision_threshold", float("nan")), "decision_threshold: "),
        (_set("model", "other_classifier"), "model: is 'other_classifier'; rename the file or correct the key."),
        (_set("model", "Diabetes"), "model: String should match pattern"),
    ],
)
def test_wrong_config_is_refused_by_file_and_key(
    directory: Path, change: Callable[[dict[str, Any]], object], expected: str
) -> None:
    file = directory / f"{EXAMPLE}.yaml"
    edit_yaml(file, change)
    with pytest.raises(ConfigError) as error:
        read_config(EXAMPLE, directory)
    assert str(file) in str(error.value)
    assert expected in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model: [", "not valid YAML"),
        ("model: a_b\nmodel: c_d\n", "'model' is given twice"),
        ("", "(whole file)"),
        ("- a\n", "(whole file)"),
    ],
)
def test_file_that_is_no_config_is_refused(directory: Path, text: str, expected: str) -> None:
    (directory / f"{EXAMPLE}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=EXAMPLE) as error:
        read_config(EXAMPLE, directory)
    assert expected in str(error.value)


def test_unknown_model_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'breast_cancer_classifier'"):
        read_config("breast_cancer_clasifier")
    with pytest.raises(ConfigError, match="Allowed: breast_cancer_classifier, diabetes_progression_classifier"):
        read_config("zzz")


def test_schema_is_fresh_and_every_config_names_and_satisfies_it() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == render_schema(), "run `python -m pipelines schema`"
    schema = json.loads(render_schema())
    assert list_models()
    for model in list_models():
        text = (CONFIGS / f"{model}.yaml").read_text(encoding="utf-8")
        modeline = text.splitlines()[0]
        assert (CONFIGS / modeline.partition("$schema=")[2]).samefile(SCHEMA_FILE)
        jsonschema.validate(yaml.safe_load(text), schema)


def test_schema_refuses_what_the_model_refuses() -> None:
    raw = yaml.safe_load((CONFIGS / f"{EXAMPLE}.yaml").read_text(encoding="utf-8"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**raw, "modell": "x"}, json.loads(render_schema()))


def test_schema_is_written_only_when_it_differs(tmp_path: Path) -> None:
    file = tmp_path / "schema" / "model.schema.json"
    assert write_schema(file)
    assert not write_schema(file)
    file.write_text("{}", encoding="utf-8")
    assert write_schema(file)


def test_check_reports_every_wrong_config(directory: Path) -> None:
    (directory / "second_model.yaml").write_text("model: second_model\n", encoding="utf-8")
    (directory / "third_model.yaml").write_text("[]", encoding="utf-8")
    result = CliRunner().invoke(app, ["check", "--configs", str(directory)])
    assert result.exit_code == 1
    assert "second_model.yaml" in result.stderr
    assert "third_model.yaml" in result.stderr
    assert f"{EXAMPLE}: 10 features" in result.stdout


def test_check_prints_json() -> None:
    result = CliRunner().invoke(app, ["check", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)[EXAMPLE]["sensitive"] == [{"column": "age", "bands": [50.0]}, "sex"]


def test_schema_command_is_idempotent() -> None:
    result = CliRunner().invoke(app, ["schema"])
    assert result.exit_code == 0
    assert "unchanged: pipelines/configs/schema/model.schema.json" in result.stdout


def test_reading_a_config_imports_nothing_heavy() -> None:
    program = (
        "import sys; from pipelines import read_config; read_config('breast_cancer_classifier');"
        "print(sorted({'zenml', 'mlflow', 'sklearn', 'pandas', 'numpy', 'pyarrow'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
