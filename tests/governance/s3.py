"""An S3 that runs here, a bucket in it, and ZenML's own store in that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from zenml.artifact_stores import BaseArtifactStore


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer(port=0, verbose=False)
    moto.start()
    yield "http://{}:{}".format(*moto.get_host_and_port())
    moto.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import boto3
    import s3fs

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    made = boto3.resource("s3").create_bucket(Bucket="models")
    made.objects.delete()
    yield made
    s3fs.S3FileSystem.clear_instance_cache()


def artifact_store(flavor: str, path: str) -> BaseArtifactStore:
    """ZenML's own store at ``path``, as a stack has it."""
    from zenml.artifact_stores import LocalArtifactStore, LocalArtifactStoreConfig
    from zenml.enums import StackComponentType
    from zenml.integrations.s3.artifact_stores import S3ArtifactStore
    from zenml.integrations.s3.flavors import S3ArtifactStoreConfig

    kinds: dict[str, tuple[Any, Any]] = {
        "s3": (S3ArtifactStore, S3ArtifactStoreConfig),
        "local": (LocalArtifactStore, LocalArtifactStoreConfig),
    }
    store, config = kinds[flavor]
    made: BaseArtifactStore = store(
        name="store",
        id=uuid4(),
        config=config(path=path),
        flavor=flavor,
        type=StackComponentType.ARTIFACT_STORE,
        user=uuid4(),
        created=datetime.now(UTC),
        updated=datetime.now(UTC),
    )
    return made
