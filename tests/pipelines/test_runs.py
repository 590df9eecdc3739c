"""The pipelines as users run them: real runs on a ZenML store of the test's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines import artifacts
from pipelines.config import ModelConfig
from pipelines.data import data_digest
from pipelines.evaluation import Evaluation
from pipelines.model import ModelTamperedError, TrainedModel, folder_digest, save_model
from tests.pipelines.conftest import config_of, train

pytestmark = pytest.mark.usefixtures("zenml_store")


def _run(pipeline: Any, **parameters: Any) -> Any:
    from zenml.client import Client

    return Client().get_pipeline_run(pipeline(**parameters).id)


def _output(run: Any, step: str, artifact: str) -> Any:
    return run.steps[step].outputs[artifact][0]


def _release(model: Any) -> tuple[str, str]:
    """Copy a model's folder as a promotion does; return the folder and the id of the release."""
    from zenml import register_artifact
    from zenml.client import Client

    folder = f"{Client().active_stack.artifact_store.path}/releases/{model.id}"
    shutil.copytree(model.uri, folder)
    return folder, str(register_artifact(folder, name="released_model").id)


def test_train_validate_and_infer_and_refuse_an_altered_release(
    config: ModelConfig, write: Callable[..., Path]
) -> None:
    from zenml import Model
    from zenml.client import Client
    from zenml.enums import ArtifactType

    from pipelines.batch_inference import batch_inference_pipeline
    from pipelines.training import training_pipeline
    from pipelines.validation import validation_pipeline

    run = _run(training_pipeline, config=config)
    produced = {name for step in run.steps.values() for name in step.outputs}
    assert produced == {
        artifacts.TRAINING_DATA,
        artifacts.VALIDATION_DATA,
        artifacts.DATA_DESCRIPTION,
        artifacts.FEATURES,
        artifacts.MODEL,
        artifacts.EVALUATION,
    }
    stored = _output(run, "model_trainer", artifacts.MODEL)
    digest = stored.run_metadata["digest"]
    assert stored.content_hash == digest == folder_digest(Path(stored.uri))
    assert stored.type == ArtifactType.MODEL
    model, evaluation = stored.load(), _output(run, "model_evaluator", artifacts.EVALUATION).load()
    assert isinstance(model, TrainedModel)
    assert isinstance(evaluation, Evaluation)
    assert evaluation.model_digest == digest
    assert evaluation.metrics["roc_auc"] > 0.8
    for name in (artifacts.TRAINING_DATA, artifacts.VALIDATION_DATA):
        data = _output(run, "data_loader", name)
        assert data.run_metadata["digest"] == data_digest(data.load())
        assert not data.visualizations, "rows of patients must not be copied into visualisations"
    assert (
        model.signature.training_data_digest
        == _output(run, "data_loader", artifacts.TRAINING_DATA).run_metadata["digest"]
    )

    release_folder, release = _release(stored)
    validated = _run(validation_pipeline, config=config, release_id=release, digest=digest)
    assert _output(validated, "release_evaluator", artifacts.EVALUATION).load() == evaluation
    assert [str(artifact.id) for artifact in validated.steps["release_evaluator"].inputs["release"]] == [release]

    data = str(write())
    versioned = batch_inference_pipeline.with_options(model=Model(name="illness_classifier"))
    inferred = _run(versioned, config=config, release_id=release, digest=digest, model_version="7", data=data)
    summary = _output(inferred, "predictor", artifacts.PREDICTIONS).load()
    assert summary.uri.endswith(f"/predictions/illness_classifier/{inferred.id}/predictions.parquet")
    assert [file.name for file in Path(summary.uri).parent.iterdir()] == ["predictions.parquet"]
    predictions = pd.read_parquet(summary.uri)
    assert len(predictions) == summary.rows == 400
    assert set(predictions["run_id"]) == {str(inferred.id)}
    logged = inferred.run_metadata["predictions"]
    assert (logged["rows"], logged["outcomes"], logged["uri"]) == (400, summary.outcomes, summary.uri)
    assert (logged["model_version"], logged["model_digest"], logged["input"]) == ("7", digest, data)

    assert inferred.model_version.run_metadata["predictions"] == logged

    altered = Path(release_folder) / "model.skops"
    content = bytearray(altered.read_bytes())
    content[100] ^= 1
    altered.write_bytes(content)
    with pytest.raises(RuntimeError, match="input_validator"):
        batch_inference_pipeline(config=config, release_id=release, digest=digest, model_version="8", data=data)
    failed = Client().list_pipeline_runs(sort_by="desc:created", size=1)[0]
    assert "ModelTamperedError" in str(failed.steps["input_validator"].exception_info)
    assert len(list(Path(summary.uri).parents[1].iterdir())) == 1, "predictions of an altered model"


def test_config_may_be_plain_keys_and_a_stored_model_is_checked_by_what_zenml_recorded(config: ModelConfig) -> None:
    """Snapshots and schedules pass parameters as JSON. The digest is in ZenML's database and not in the folder, so
    putting another valid model in the folder's place is noticed."""
    from pipelines.training import training_pipeline

    run = _run(training_pipeline, config=config.model_dump(mode="json"))
    stored = _output(run, "model_trainer", artifacts.MODEL)
    assert stored.load().signature.decision_threshold == 0.5
    other, _ = train(config_of(config.source, decision_threshold=0.9))
    save_model(other, Path(stored.uri))
    with pytest.raises(ModelTamperedError, match=f"expected {stored.content_hash}"):
        stored.load()


def test_no_pipeline_takes_an_earlier_result() -> None:
    from pipelines.batch_inference import batch_inference_pipeline
    from pipelines.training import training_pipeline
    from pipelines.validation import validation_pipeline

    for pipeline in (training_pipeline, validation_pipeline, batch_inference_pipeline):
        assert pipeline.enable_cache is False
