"""A model is read only if its files are those that were saved, and without running anything they hold."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from pipelines.libraries import ModelLibrariesError
from pipelines.model import (
    ModelTamperedError,
    ModelUntrustedError,
    TrainedModel,
    folder_digest,
    read_model,
    read_reference,
    read_transformer,
    save_model,
    save_transformer,
)
from pipelines.signature import SignatureMismatchError
from tests.pipelines.conftest import config_of, train


@pytest.fixture
def copied(saved: Any, tmp_path: Path) -> tuple[Path, str]:
    shutil.copytree(saved[0], tmp_path / "model")
    return tmp_path / "model", saved[1]


@pytest.fixture
def nothing_is_deserialised(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("deserialised before the digest was checked")

    monkeypatch.setattr(skops.io, "loads", refuse)
    monkeypatch.setattr(skops.io, "get_untrusted_types", refuse)
    monkeypatch.setattr("pipelines.signature.Signature.model_validate_json", refuse)
    yield


def test_model_read_back_predicts_the_same(saved: Any, model: TrainedModel, config: Any) -> None:
    trained, sets = train(config)
    np.testing.assert_array_equal(
        model.predict_probability(sets.validation), trained.predict_probability(sets.validation)
    )
    assert model.signature == trained.signature
    assert model.digest == saved[1] == folder_digest(saved[0])
    assert trained.digest is None


FILES = ["model.skops", "reference.json", "signature.json", "training_rows.bin"]


def test_model_is_four_files_and_no_pickle(saved: Any) -> None:
    assert sorted(file.name for file in saved[0].iterdir()) == FILES
    signature = json.loads((saved[0] / "signature.json").read_text(encoding="utf-8"))
    assert signature["label"] == {
        "task": "binary", "column": "outcome", "meaning": "is ill", "values": ["ill"], "others": ["well"],
        "above": None, "quantile": None, "classes": [], "unit": "", "mean": 0.0, "deviation": 1.0,
    }  # fmt: skip
    assert signature["training_data_digest"] == saved[2].description.training_digest


def test_later_batches_are_compared_with_rows_held_out_of_training(model: TrainedModel, saved: Any) -> None:
    sets, kept = saved[2], model.reference.scored
    assert kept is not None
    said = model.predict(sets.validation)
    assert kept.scores == tuple(map(float, np.sort(said.astype("float32"))))
    assert kept.decisions == {"flagged": int((said >= 0.5).sum()), "not flagged": int((said < 0.5).sum())}
    assert kept.rows == len(sets.validation) != len(sets.training)
    assert read_reference(saved[0], saved[1]) == model.reference
    with pytest.raises(ModelTamperedError):
        read_reference(saved[0], "0" * 64)


@pytest.mark.usefixtures("nothing_is_deserialised")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("position", [0, 0.5, 1])
def test_one_changed_byte_is_refused_before_anything_is_deserialised(
    copied: tuple[Path, str], name: str, position: float
) -> None:
    folder, digest = copied
    content = bytearray((folder / name).read_bytes())
    content[round(position * (len(content) - 1))] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelTamperedError, match=f"expected {digest}"):
        read_model(folder, digest)


@pytest.mark.usefixtures("nothing_is_deserialised")
def test_added_removed_or_renamed_file_is_refused(copied: tuple[Path, str]) -> None:
    folder, digest = copied
    (folder / "extra.txt").write_text("", encoding="utf-8")
    with pytest.raises(ModelTamperedError):
        read_model(folder, digest)
    (folder / "extra.txt").unlink()
    (folder / "signature.json").rename(folder / "Signature.json")
    with pytest.raises(ModelTamperedError):
        read_model(folder, digest)
    shutil.rmtree(folder)
    with pytest.raises(ModelTamperedError):
        read_model(folder, digest)


def test_folder_that_holds_no_model_is_refused_though_its_digest_is_right(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("x", encoding="utf-8")
    with pytest.raises(ModelTamperedError, match=r"holds no model.skops, signature.json"):
        read_model(tmp_path, folder_digest(tmp_path))


@pytest.mark.parametrize("error", [ValueError("node array from the pickle has an incompatible dtype"), None])
def test_a_model_that_other_libraries_wrote_reads_like_that_and_not_like_tampering(
    copied: tuple[Path, str], error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if error is None:  # a type that skops does not know of yet
        monkeypatch.setattr(skops.io, "get_untrusted_types", lambda **_: ["sklearn.new.Type"])
    else:
        monkeypatch.setattr(skops.io, "loads", lambda *_, **__: (_ for _ in ()).throw(error))
    with pytest.raises((ValueError, ModelUntrustedError)):
        read_model(*copied)  # the libraries are the same, so they are not to blame
    monkeypatch.setattr("pipelines.libraries._version", lambda _: "1.2.0")
    with pytest.raises(ModelLibrariesError, match=r"scikit-learn 1\..*, this is 1\.2\.0.*files are as they were saved"):
        read_model(*copied)


def test_model_that_would_run_code_is_refused_when_saved_and_when_read(
    copied: tuple[Path, str], model: TrainedModel
) -> None:
    folder, _ = copied
    hostile = Pipeline([("features", FunctionTransformer(shutil.rmtree)), *model.pipeline.steps[1:]])
    with pytest.raises(ModelUntrustedError, match="rmtree"):
        save_model(TrainedModel(hostile, model.signature, model.reference, model.training_rows), folder)
    (folder / "model.skops").write_bytes(skops.io.dumps(hostile))
    with pytest.raises(ModelUntrustedError, match=r"shutil.rmtree, which no model is made of"):
        read_model(folder, folder_digest(folder))


@pytest.mark.parametrize(
    "estimator",
    [
        {"type": "random_forest", "parameters": {"n_estimators": 10}},
        {"type": "gradient_boosting", "parameters": {"max_iter": 10}},
    ],
    ids=lambda estimator: str(estimator["type"]),
)
def test_every_estimator_can_be_saved_and_read(source: Any, tmp_path: Path, estimator: dict[str, Any]) -> None:
    trained, sets = train(config_of(source, estimator=estimator))
    read = read_model(tmp_path, save_model(trained, tmp_path))
    np.testing.assert_array_equal(
        read.predict_probability(sets.validation), trained.predict_probability(sets.validation)
    )


def test_features_are_stored_and_checked_alike(model: TrainedModel, saved: Any, tmp_path: Path) -> None:
    features = model.pipeline.named_steps["features"]
    digest = save_transformer(features, tmp_path)
    inputs = saved[2].validation
    np.testing.assert_array_equal(read_transformer(tmp_path, digest).transform(inputs), features.transform(inputs))
    with pytest.raises(ModelTamperedError):
        read_transformer(tmp_path, "0" * 64)


def test_probability_is_that_of_risk_however_classes_are_ordered(model: TrainedModel, saved: Any) -> None:
    frame = saved[2].validation
    probability = model.predict_probability(frame)

    class Reversed:
        classes_ = np.array([1, 0])

        def predict_proba(self, inputs: Any) -> np.ndarray:
            return model.pipeline.predict_proba(inputs)[:, ::-1]

    turned = TrainedModel(Reversed(), model.signature, model.reference, model.training_rows)  # type: ignore[arg-type]
    np.testing.assert_array_equal(turned.predict_probability(frame), probability)
    assert probability[frame["label"] == 1].mean() > probability[frame["label"] == 0].mean() + 0.2


def test_flag_is_raised_from_the_threshold_on(model: TrainedModel) -> None:
    threshold = model.signature.decision_threshold
    assert model.decide(np.array([threshold - 1e-9, threshold, 1.0])).tolist() == [False, True, True]


def test_frame_without_an_input_column_is_refused_by_name(model: TrainedModel, saved: Any) -> None:
    with pytest.raises(SignatureMismatchError, match="column 'ward': found no such column"):
        model.predict_probability(saved[2].validation.drop(columns="ward"))


def test_stored_model_without_a_recorded_digest_is_refused(saved: Any) -> None:
    from pipelines.materializers import TrainedModelMaterializer

    with pytest.raises(ModelTamperedError, match="ZenML has no digest of it"):
        TrainedModelMaterializer(str(saved[0])).load(TrainedModel)
