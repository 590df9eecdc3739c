"""The state bucket on Google Cloud, made over HTTP in an emulator: complete, idempotent, and nobody else's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from environments import Environment, load_platform
from stack_bootstrap.clouds.state_bucket import StateError
from stack_bootstrap.workspace import workspace
from tests.conftest import edit_yaml

pytest.importorskip("google.cloud.storage", reason="google-cloud-storage is not installed")
emulator = pytest.importorskip("gcp_storage_emulator.server", reason="gcp-storage-emulator is not installed")

from stack_bootstrap.clouds.gcp.state_bucket import make_state_bucket  # noqa: E402 (after what may skip this file)

NAME = "acme-ml-staging-tfstate"
KEY = "projects/acme-keys/locations/europe-west1/keyRings/state/cryptoKeys/staging"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A storage client that reaches an empty emulator, found as a user's would be."""
    from google.cloud import storage

    _keep_what_is_asked_for(monkeypatch)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = emulator.create_server("127.0.0.1", port, in_memory=True)
    server.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    yield storage.Client(project="acme-ml-staging")
    server.stop()


def _keep_what_is_asked_for(patch: pytest.MonkeyPatch) -> None:
    """Let the emulator create a bucket as the request says; by itself it heeds the name only."""
    for _, handlers in emulator.HANDLERS:
        plain = handlers.get("POST")
        if getattr(plain, "__name__", "") != "insert" or "buckets" not in plain.__module__:
            continue

        def insert(request: Any, response: Any, storage: Any, *given: Any, _plain: Any = plain, **named: Any) -> None:
            _plain(request, response, storage, *given, **named)
            if response.status == 200:
                bucket = {**storage.buckets[request.data["name"]], **request.data}
                bucket["location"] = bucket["location"].upper()
                storage.create_bucket(bucket["name"], bucket)
                response.json(bucket)

        patch.setitem(handlers, "POST", insert)


@pytest.fixture
def staging(settings_directory: Path) -> Environment:
    return load_platform(settings_directory).environment("staging")


def test_the_bucket_is_versioned_closed_and_the_environments_own(client: Any, staging: Environment) -> None:
    made = make_state_bucket(staging)
    assert (made.name, made.created) == (NAME, True)
    bucket = client.get_bucket(NAME)
    assert bucket.location.lower() == "europe-west1"
    assert bucket.versioning_enabled
    assert bucket.iam_configuration.uniform_bucket_level_access_enabled
    assert bucket.iam_configuration.public_access_prevention == "enforced"
    assert bucket.labels["environment"] == "staging"
    assert bucket.default_kms_key_name is None


def test_it_is_the_bucket_that_terraform_uses(staging: Environment, settings_directory: Path) -> None:
    backend = workspace(load_platform(settings_directory), "staging", "gcp").backend
    assert backend == {"bucket": NAME, "prefix": "gcp/staging"}


def test_a_second_run_changes_nothing(client: Any, staging: Environment) -> None:
    make_state_bucket(staging)
    before = client.get_bucket(NAME).metageneration
    again = make_state_bucket(staging)
    assert (again.created, again.changes) == (False, ())
    assert client.get_bucket(NAME).metageneration == before


def test_what_was_changed_by_hand_is_put_right(client: Any, staging: Environment) -> None:
    make_state_bucket(staging)
    bucket = client.get_bucket(NAME)
    bucket.versioning_enabled = False
    bucket.iam_configuration.public_access_prevention = "inherited"
    bucket.patch()
    assert make_state_bucket(staging, dry_run=True).changes == ("public access prevented", "versioned")
    assert not client.get_bucket(NAME).versioning_enabled
    assert make_state_bucket(staging).changes == ("public access prevented", "versioned")
    assert client.get_bucket(NAME).versioning_enabled
    assert make_state_bucket(staging).changes == ()


def test_a_dry_run_makes_nothing(client: Any, staging: Environment) -> None:
    assert make_state_bucket(staging, dry_run=True).created
    assert client.lookup_bucket(NAME) is None


def test_the_state_can_have_a_key_of_its_own(client: Any, settings_directory: Path) -> None:
    edit_yaml(settings_directory / "staging.yaml", lambda raw: raw["gcp"].update(state_kms_key=KEY))
    make_state_bucket(load_platform(settings_directory).environment("staging"))
    assert client.get_bucket(NAME).default_kms_key_name == KEY


def test_a_bucket_of_something_else_is_refused_and_left_alone(client: Any, staging: Environment) -> None:
    bucket = client.bucket(NAME)
    bucket.labels = {"managed_by": "somebody"}
    client.create_bucket(bucket, location="europe-west1")
    with pytest.raises(StateError, match="is not the state bucket of staging"):
        make_state_bucket(staging)
    assert client.get_bucket(NAME).labels == {"managed_by": "somebody"}


def test_an_unlabelled_bucket_that_holds_something_is_refused(client: Any, staging: Environment) -> None:
    client.create_bucket(NAME, location="europe-west1").blob("a").upload_from_string("b")
    with pytest.raises(StateError, match="is not the state bucket of staging"):
        make_state_bucket(staging)


def test_an_empty_unlabelled_one_is_taken_as_after_a_kill(client: Any, staging: Environment) -> None:
    client.create_bucket(NAME, location="europe-west1")
    made = make_state_bucket(staging)
    assert not made.created
    assert "versioned" in made.changes


def test_a_bucket_elsewhere_is_refused(client: Any, staging: Environment) -> None:
    client.create_bucket(NAME, location="us-central1")
    with pytest.raises(StateError, match=r"is in us-central1, but staging\.yaml says europe-west1"):
        make_state_bucket(staging)


def test_no_credentials_is_an_error_that_says_so(staging: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/at/all.json")
    with pytest.raises(StateError, match=r"/nowhere/at/all\.json was not found"):
        make_state_bucket(staging)
