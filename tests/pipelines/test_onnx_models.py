"""Models in ONNX predict as what they were exported from, and hold nothing but standard operators and numbers."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from pipelines.data import load_training_sets
from pipelines.errors import ModelTamperedError, ModelUntrustedError
from pipelines.model import folder_digest, read_model, save_model
from pipelines.onnx_models import OnnxModel, OnnxModelError, check_onnx
from pipelines.plain_models import PlainModelError, as_trained
from tests.pipelines.conftest import config_of

RANDOM = np.random.default_rng(5)
ROWS = pd.DataFrame({"dose": RANDOM.normal(size=200), "visits": RANDOM.normal(size=200)})
LABEL = (ROWS["dose"] > 0.2).astype(int)
LINEAR = LogisticRegression().fit(ROWS, LABEL)
NO_ZIPMAP = {LogisticRegression: {"zipmap": False}}
MATRIX = [("inputs", FloatTensorType([None, 2]))]


def exported(model: Any, inputs: Any = MATRIX, **options: Any) -> Any:
    return to_onnx(model, initial_types=inputs, options=options.get("options", {id(model): {"zipmap": False}}))


@pytest.fixture(scope="module")
def proto() -> Any:
    return exported(LINEAR)


def test_classifier_on_a_matrix_predicts_as_what_it_was_exported_from(proto: Any, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(proto.SerializeToString())
    for model in (OnnxModel(proto), OnnxModel(proto.SerializeToString()), OnnxModel(tmp_path / "net.onnx")):
        np.testing.assert_allclose(model.predict_proba(ROWS), LINEAR.predict_proba(ROWS), atol=1e-5)
    assert model.predict(ROWS).tolist() == LINEAR.predict(ROWS).tolist()


def test_classifier_with_an_input_for_each_column_takes_text_and_numbers() -> None:
    frame = ROWS.assign(ward=np.where(ROWS["visits"] > 0, "A", "B"))
    coded = make_column_transformer((OneHotEncoder(sparse_output=False), ["ward"]), remainder="passthrough")
    fitted = make_pipeline(coded, LogisticRegression()).fit(frame, LABEL)
    types = [(name, FloatTensorType([None, 1])) for name in ROWS.columns] + [("ward", StringTensorType([None, 1]))]
    model = OnnxModel(to_onnx(fitted, initial_types=types, options={id(fitted): {"zipmap": False}}))
    np.testing.assert_allclose(model.predict_proba(frame), fitted.predict_proba(frame), atol=1e-5)
    with pytest.raises(OnnxModelError, match=r"takes 'ward'; the columns are 'dose', 'visits'"):
        model.predict_proba(ROWS)


def test_regressor_predicts_as_what_it_was_exported_from() -> None:
    fitted = LinearRegression().fit(ROWS, ROWS["dose"] * 3)
    model = OnnxModel(exported(fitted, options={}), classes=None)
    np.testing.assert_allclose(model.predict(ROWS), fitted.predict(ROWS), atol=1e-5)
    assert not hasattr(model, "classes_")


def test_network_with_one_output_gives_the_probability_of_the_second_class() -> None:
    np.testing.assert_allclose(_network("Sigmoid").predict_proba(ROWS).sum(axis=1), 1)
    with pytest.raises(OnnxModelError, match="gives no probabilities: end it with a sigmoid or softmax"):
        _network("Identity").predict_proba(ROWS)
    with pytest.raises(OnnxModelError, match="gives 1 values a row, and has 3 classes"):
        OnnxModel(_network("Sigmoid").content, classes=[0, 1, 2]).predict_proba(ROWS)
    with pytest.raises(OnnxModelError, match="column 'ward' is no such number"):
        _network("Sigmoid").predict_proba(ROWS.assign(ward="A"))


def test_export_with_zipmap_is_told_how_to_do_without() -> None:
    model = OnnxModel(to_onnx(LINEAR, initial_types=MATRIX))
    with pytest.raises(OnnxModelError, match="zipmap=False"):
        model.predict_proba(ROWS)


def _network(last: str, **tensor: Any) -> OnnxModel:
    return OnnxModel(_proto(last, **tensor))


def _proto(last: str, domain: str = "", external: bool = False, in_subgraph: bool = False) -> Any:
    """Return a linear layer of weight 3 and 0, and ``last`` behind it, as ONNX."""
    weights = numpy_helper.from_array(np.array([[3.0], [0.0]], dtype=np.float32), "weights")
    if external:
        weights.ClearField("raw_data")
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value="../../../etc/passwd")
    outer = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
    nodes = [helper.make_node("MatMul", ["x", "weights"], ["z"]), helper.make_node(last, ["z"], ["y"], domain=domain)]
    graph = helper.make_graph(nodes, "net", [outer], [result], [weights])
    if in_subgraph:
        inner = helper.make_graph(nodes, "inner", [], [result], [weights])
        condition = helper.make_node("Constant", [], ["c"], value=helper.make_tensor("t", TensorProto.BOOL, [], [True]))
        branch = helper.make_node("If", ["c"], ["out"], then_branch=inner, else_branch=inner)
        graph = helper.make_graph([condition, branch], "net", [outer], [result])
    versions = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=versions, ir_version=9)


@pytest.mark.parametrize("in_subgraph", [False, True])
def test_operators_of_others_and_numbers_in_other_files_are_refused_wherever_they_are(in_subgraph: bool) -> None:
    check_onnx(_proto("Sigmoid", in_subgraph=in_subgraph).SerializeToString(), "it")
    with pytest.raises(ModelUntrustedError, match=r"holds the operator com\.evil\.Run, which is none of ONNX's own"):
        _network("Run", domain="com.evil", in_subgraph=in_subgraph)
    with pytest.raises(ModelUntrustedError, match="keeps numbers in another file"):
        _network("Sigmoid", external=True, in_subgraph=in_subgraph)


def test_function_made_of_standard_operators_is_taken_and_one_made_of_others_refused() -> None:
    model = _proto("Squash", domain="own")
    for inside, taken in (("Sigmoid", True), ("Run", False)):
        node = helper.make_node(inside, ["a"], ["b"], domain="" if taken else "com.evil")
        del model.functions[:]
        versions = [helper.make_opsetid("", 17), helper.make_opsetid("com.evil", 1)]
        model.functions.append(helper.make_function("own", "Squash", ["a"], ["b"], [node], versions))
        if taken:
            np.testing.assert_allclose(OnnxModel(model).predict_proba(ROWS).sum(axis=1), 1)
        else:
            with pytest.raises(ModelUntrustedError, match=r"com\.evil\.Run"):
                OnnxModel(model)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        pickle.dumps({"a": 1}),
        b"\x08\x00\x00\x00ORTM",
        b"\x00",
        b"\xff" * 40,
        b"\x3a\x80\x80\x80\x80\x08",
        b"\x3b\x00",
    ],
)
def test_what_is_not_onnx_is_refused(content: bytes) -> None:
    with pytest.raises(ModelUntrustedError, match="is not in ONNX's format"):
        OnnxModel(content)


def test_onnx_model_is_described_saved_and_read_back(source: Path, tmp_path: Path) -> None:
    config = config_of(source, features={"numeric": ["visits", "age"]}, sensitive=[])
    sets = load_training_sets(config)
    fitted = LogisticRegression().fit(sets.training[["visits", "age"]], sets.training["label"])
    trained = as_trained(OnnxModel(exported(fitted)), config, sets.description, sets.training)
    digest = save_model(trained, tmp_path / "model")
    read = read_model(tmp_path / "model", digest)
    found = read.predict_probability(sets.validation)
    np.testing.assert_allclose(found, fitted.predict_proba(sets.validation[["visits", "age"]])[:, 1], atol=1e-5)
    assert (read.signature.estimator["type"], "onnxruntime" in read.signature.libraries) == ("ONNX", True)
    assert sorted(file.name for file in (tmp_path / "model").iterdir())[:2] == ["classes.json", "model.onnx"]
    (tmp_path / "model" / "classes.json").unlink()
    with pytest.raises(ModelTamperedError, match=r"holds no classes\.json"):
        read_model(tmp_path / "model", folder_digest(tmp_path / "model"))
    with pytest.raises(PlainModelError, match="no classes, and the config's task is binary"):
        as_trained(OnnxModel(exported(fitted), classes=None), config, sets.description, sets.training)
