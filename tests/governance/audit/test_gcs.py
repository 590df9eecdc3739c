"""A locked bucket of Cloud Storage keeps what is written, and of two writers one gets the number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from environments import Platform, load_platform
from governance.audit.anchors import StoreAnchor
from governance.audit.errors import SignatureError, StoreError
from governance.audit.gcs import GcsStore
from governance.audit.location import ANCHORS, KEYS, open_log, open_reader
from governance.audit.log import AuditLog
from governance.audit.signer import FileSigner
from governance.audit.store import HoldsObjects, Object
from tests.conftest import edit_yaml
from tests.governance.audit.conftest import ORIGIN, event
from tests.governance.audit.key_services import CloudStorage, serving


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudStorage]:
    storage = CloudStorage(buckets={"audit"})
    with serving(storage) as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        yield storage


@pytest.fixture
def platform(platform: Platform) -> Platform:
    """Settings without a key of the key service: a file signs."""
    edit_yaml(platform.directory / "dev.yaml", lambda raw: raw["gcp"].pop("audit_key"))
    return load_platform(platform.directory)


@pytest.fixture
def store(service: CloudStorage) -> GcsStore:
    return GcsStore("audit", prefix="log/", project="acme")


def test_an_object_is_created_once(store: GcsStore, service: CloudStorage) -> None:
    service.locked = False  # so that nothing but the precondition keeps it
    assert store.create_if_absent(Object("entries/a", b"first\r\n\r\n\x00"))
    assert store.create_if_absent(Object("entries/a", b"first\r\n\r\n\x00")), "as after a retried request"
    assert not store.create_if_absent(Object("entries/a", b"second"))
    assert (store.read("entries/a"), store.read("entries/b")) == (b"first\r\n\r\n\x00", None)
    assert store.create_in_order([Object("b", b"1"), Object("entries/a", b"2"), Object("c", b"3")]) == 1
    assert store.read("c") is None
    assert set(service.objects) == {("audit", "log/entries/a"), ("audit", "log/b")}


def test_objects_are_listed_in_order_over_several_answers(store: GcsStore) -> None:
    for name in ("entries/3", "entries/1", "leaves/1", "entries/2", "entries/4", "entries/5"):
        store.create_if_absent(Object(name, b"x"))
    assert list(store.list("entries/")) == [f"entries/{n}" for n in range(1, 6)]
    assert list(store.list("entries/", after="entries/3")) == ["entries/4", "entries/5"]


def test_a_locked_bucket_refuses_to_delete(store: GcsStore, service: CloudStorage) -> None:
    from google.api_core.exceptions import Forbidden
    from google.cloud import storage

    store.create_if_absent(Object("a", b"1"))
    with pytest.raises(Forbidden, match="retention policy"):
        storage.Client(project="acme").bucket("audit").blob("log/a").delete()


def test_a_legal_hold_outlives_retention_until_it_is_released(store: GcsStore, service: CloudStorage) -> None:
    assert isinstance(store, HoldsObjects)
    store.create_if_absent(Object("a", b"1"))
    store.set_legal_hold("a", on=True)
    assert service.held == {("audit", "log/a")}
    store.set_legal_hold("a", on=False)
    assert service.held == set()


def test_a_bucket_that_is_missing_or_down_is_no_empty_log(store: GcsStore, service: CloudStorage) -> None:
    with pytest.raises(StoreError, match="gs://elsewhere/"):
        GcsStore("elsewhere", project="acme").read("entries/a")
    service.down = True
    for act in (
        lambda: store.read("a"),
        lambda: list(store.list("")),
        lambda: store.create_if_absent(Object("a", b"")),
    ):
        with pytest.raises(StoreError, match="the store is down"):
            act()


def test_a_log_in_the_bucket_verifies_and_two_writers_share_it(service: CloudStorage, tmp_path: Path) -> None:
    signer = FileSigner.create(tmp_path / "key.pem", ORIGIN)

    def opened() -> AuditLog:
        anchor = StoreAnchor(GcsStore("audit", prefix="anchor/", project="acme"))
        return AuditLog(GcsStore("audit", prefix="log/", project="acme"), signer, [anchor], ORIGIN)

    one, other = opened(), opened()
    one.append(event(1))
    other.append(event(2))
    one.append(event(3))
    report = opened().verify()
    assert (report.ok, report.entries, report.anchored) == (True, 3, 3)


def test_the_settings_lead_to_the_bucket(
    service: CloudStorage, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEYS, str(tmp_path / "keys"))
    monkeypatch.setenv(ANCHORS, "gs://witness/{environment}")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "acme")
    service.buckets |= {"acme-ml-platform-dev-audit", "witness"}
    log = open_log(platform, "dev", cloud="gcp")
    log.append(event())
    assert open_reader(platform, "dev", cloud="gcp").verify().ok
    places = {(bucket, name.partition("/")[0]) for bucket, name in service.objects}
    assert ("acme-ml-platform-dev-audit", "entries") in places
    assert ("witness", "dev") in places


def test_a_ci_job_makes_no_key_that_would_be_lost_with_its_machine(
    service: CloudStorage, platform: Platform, tmp_path: Path
) -> None:
    service.buckets.add("acme-ml-platform-dev-audit")
    with pytest.raises(SignatureError, match=r"audit_key in dev\.yaml"):
        open_log(platform, "dev", cloud="gcp", environ={"CI": "true", ANCHORS: str(tmp_path)})
    kept = {"CI": "true", KEYS: str(tmp_path / "keys"), ANCHORS: str(tmp_path / "anchors")}
    open_log(platform, "dev", cloud="gcp", environ=kept).append(event())
