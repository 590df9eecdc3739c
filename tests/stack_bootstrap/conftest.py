"""A ZenML client on an empty store, and an AWS that is moto's server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from stack_bootstrap.registration import open_client


@pytest.fixture
def client(zenml_store: Path) -> Any:
    return open_client()


@pytest.fixture(scope="session")
def _moto_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(_moto_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The endpoint of an empty AWS that every client of this test's process uses."""
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL", _moto_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    boto3.DEFAULT_SESSION = None
    urlopen(Request(f"{_moto_server}/moto-api/reset", method="POST")).close()
    return _moto_server
