"""A locked bucket of Cloud Storage keeps what is written, and of two writers one gets the number."""

from __future__ import annotations

from pathlib import Path

import pytest

from environments import Platform, load_platform
from governance.audit.clouds.gcp import GcsStore
from governance.audit.errors import SignatureError, StoreError
from governance.audit.location import ANCHORS, KEYS, open_log, open_reader
from governance.audit.store import HoldsObjects, Object
from tests.conftest import edit_yaml
from tests.governance.audit.conftest import event
from tests.governance.audit.key_services import CloudStorage


@pytest.fixture
def platform(platform: Platform) -> Platform:
    """Settings without a key of the key service: a file signs."""
    edit_yaml(platform.directory / "dev.yaml", lambda raw: raw["gcp"].pop("audit_key"))
    return load_platform(platform.directory)


@pytest.fixture
def store(cloud_storage: CloudStorage) -> GcsStore:
    return GcsStore("audit", prefix="log/", project="acme")


def test_a_locked_bucket_refuses_to_delete(store: GcsStore, cloud_storage: CloudStorage) -> None:
    from google.api_core.exceptions import Forbidden
    from google.cloud import storage

    store.create_if_absent(Object("a", b"1"))
    with pytest.raises(Forbidden, match="retention policy"):
        storage.Client(project="acme").bucket("audit").blob("log/a").delete()


def test_a_legal_hold_outlives_retention_until_it_is_released(store: GcsStore, cloud_storage: CloudStorage) -> None:
    assert isinstance(store, HoldsObjects)
    store.create_if_absent(Object("a", b"1"))
    store.set_legal_hold("a", on=True)
    assert cloud_storage.held == {("audit", "log/a")}
    store.set_legal_hold("a", on=False)
    assert cloud_storage.held == set()


def test_a_bucket_that_is_missing_or_down_is_no_empty_log(store: GcsStore, cloud_storage: CloudStorage) -> None:
    with pytest.raises(StoreError, match="gs://elsewhere/"):
        GcsStore("elsewhere", project="acme").read("entries/a")
    cloud_storage.down = True
    for act in (
        lambda: store.read("a"),
        lambda: list(store.list("")),
        lambda: store.create_if_absent(Object("a", b"")),
    ):
        with pytest.raises(StoreError, match="the store is down"):
            act()


def test_the_settings_lead_to_the_bucket(
    cloud_storage: CloudStorage, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEYS, str(tmp_path / "keys"))
    monkeypatch.setenv(ANCHORS, "gs://witness/{environment}")
    cloud_storage.buckets |= {"acme-ml-platform-dev-audit", "witness"}
    log = open_log(platform, "dev", cloud="gcp")
    log.append(event())
    assert open_reader(platform, "dev", cloud="gcp").verify().ok
    places = {(bucket, name.partition("/")[0]) for bucket, name in cloud_storage.objects}
    assert ("acme-ml-platform-dev-audit", "entries") in places
    assert ("witness", "dev") in places


def test_a_ci_job_makes_no_key_that_would_be_lost_with_its_machine(
    cloud_storage: CloudStorage, platform: Platform, tmp_path: Path
) -> None:
    cloud_storage.buckets.add("acme-ml-platform-dev-audit")
    with pytest.raises(SignatureError, match=r"audit_key in dev\.yaml"):
        open_log(platform, "dev", cloud="gcp", environ={"CI": "true", ANCHORS: str(tmp_path)})
    kept = {"CI": "true", KEYS: str(tmp_path / "keys"), ANCHORS: str(tmp_path / "anchors")}
    open_log(platform, "dev", cloud="gcp", environ=kept).append(event())
