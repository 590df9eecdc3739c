"""The same pipelines on a bucket: data, models and predictions are S3 objects."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from pipelines import artifacts
from pipelines.config import ModelConfig
from pipelines.model import read_model
from pipelines.sources.description import FileSource, Filter
from pipelines.tables import DataSourceError, open_table
from tests.pipelines.conftest import config_of

MODEL_FILES = ("model.skops", "signature.json", "reference.json", "training_rows.bin")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    made = boto3.resource("s3").create_bucket(Bucket="ward")
    yield made
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.parametrize("name", ["patients.csv", "patients.parquet"])
def test_data_is_read_from_a_bucket(bucket: Any, tmp_path: Path, patients: pd.DataFrame, name: str) -> None:
    file = tmp_path / name
    (patients.to_csv if name.endswith("csv") else patients.to_parquet)(file, index=False)
    bucket.upload_file(str(file), name)
    opened = open_table(f"s3://ward/{name}")
    assert sum(batch.num_rows for batch in opened.read()) == 400


def test_folder_of_parts_is_read_from_a_bucket(bucket: Any, tmp_path: Path, patients: pd.DataFrame) -> None:
    patients.to_parquet(tmp_path / "visits", index=False, partition_cols=["ward"])
    (tmp_path / "visits" / "_SUCCESS").touch()
    for file in (tmp_path / "visits").rglob("*"):
        if file.is_file():
            bucket.upload_file(str(file), file.relative_to(tmp_path).as_posix())
    opened = open_table(FileSource(path="s3://ward/visits", where=(Filter(column="ward", one_of=("A", "B")),)))
    assert "ward" in opened.schema.names
    assert sum(batch.num_rows for batch in opened.read()) == int(patients["ward"].isin(["A", "B"]).sum())


def test_object_or_bucket_that_does_not_exist_is_refused(bucket: Any) -> None:
    for location in ("s3://ward/nothing.csv", "s3://other-ward/nothing.csv"):
        with pytest.raises(DataSourceError, match=f"{location}: does not exist"):
            open_table(location)


def test_missing_credentials_are_said(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(DataSourceError, match="Unable to locate credentials"):
        open_table("s3://ward/nothing.csv")


def test_data_models_and_predictions_live_in_the_bucket_whose_address_and_keys_only_the_stack_knows(
    bucket: Any, zenml_store: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zenml import register_artifact
    from zenml.client import Client
    from zenml.enums import StackComponentType

    from pipelines.batch_inference import batch_inference_pipeline
    from pipelines.training import training_pipeline

    bucket.upload_file(str(source), "data/patients.parquet")
    client = Client()
    known = {"key": "testing", "secret": "testing", "client_kwargs": {"endpoint_url": os.environ["AWS_ENDPOINT_URL"]}}
    for variable in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    client.create_stack_component(
        name="ward",
        flavor="s3",
        component_type=StackComponentType.ARTIFACT_STORE,
        configuration={"path": "s3://ward", **known},
    )
    client.create_stack("ward", {"artifact_store": "ward", "orchestrator": "default"})  # type: ignore[dict-item]
    client.activate_stack("ward")

    config: ModelConfig = config_of("s3://ward/data/patients.parquet")
    run = client.get_pipeline_run(training_pipeline(config=config).id)
    stored = run.steps["model_trainer"].outputs[artifacts.MODEL][0]
    digest = stored.content_hash
    assert digest is not None
    assert stored.load().digest == digest
    prefix = stored.uri.removeprefix("s3://ward/")
    for name in MODEL_FILES:
        bucket.download_file(f"{prefix}/{name}", str(tmp_path / name))
        bucket.upload_file(str(tmp_path / name), f"releases/1/{name}")
    assert read_model_alone(tmp_path, digest)

    release = register_artifact("s3://ward/releases/1", name="released_model")
    inferred = client.get_pipeline_run(
        batch_inference_pipeline(config=config, release_id=str(release.id), digest=digest, model_version="1").id
    )
    summary = inferred.steps["predictor"].outputs[artifacts.PREDICTIONS][0].load()
    keys = [summary_of.key for summary_of in bucket.objects.filter(Prefix="predictions/")]
    assert keys == [f"predictions/illness_classifier/{inferred.id}/predictions.parquet"]
    assert summary.uri == f"s3://ward/{keys[0]}"
    assert sum(batch.num_rows for batch in open_table(summary.uri).read()) == 400


def read_model_alone(folder: Path, digest: str) -> bool:
    """Whether the model's files, and nothing else of the test's folder, are the model."""
    alone = folder / "alone"
    alone.mkdir()
    for name in MODEL_FILES:
        (folder / name).rename(alone / name)
    return read_model(alone, digest).digest == digest
