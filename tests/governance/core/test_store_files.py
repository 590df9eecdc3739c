"""What a store in a bucket answers is what is there, and not what was there when it listed before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from governance.core.store_files import create_once, path_in
from stack_bootstrap.registration import open_client
from tests.governance.s3 import artifact_store


def test_a_store_in_a_bucket_sees_what_others_wrote_since_it_listed(zenml_store: Path, bucket: Any) -> None:
    open_client()
    store, waiting = artifact_store("s3", "s3://models"), "predictions/classifier/_pending"
    bucket.put_object(Key=f"{waiting}/earlier/part.parquet", Body=b"rows")
    assert list(map(str, store.listdir(f"s3://models/{waiting}"))) == ["earlier"]
    bucket.put_object(Key=f"{waiting}/mine/part.parquet", Body=b"rows")
    assert store.exists(f"s3://models/{waiting}/mine")


def test_what_another_process_wrote_is_not_written_again(zenml_store: Path, bucket: Any) -> None:
    open_client()
    store = artifact_store("s3", "s3://models")
    bucket.put_object(Key="governance/releases/1", Body=b"first")
    assert store.listdir("s3://models/governance/releases")
    bucket.put_object(Key="governance/releases/2", Body=b"theirs")
    assert create_once(store, path_in(store, "releases", "2"), b"mine") is False
    assert bucket.Object("governance/releases/2").get()["Body"].read() == b"theirs"
