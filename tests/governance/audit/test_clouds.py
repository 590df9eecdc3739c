"""Every cloud keeps the log by the same rules: created once, read in order, signed by the key that is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from environments import Platform, load_platform
from governance.audit.anchors import StoreAnchor
from governance.audit.clouds import CLOUDS
from governance.audit.errors import AuditError
from governance.audit.location import ANCHORS, locate
from governance.audit.log import AuditLog
from governance.audit.reader import LogReader
from governance.audit.signer import FileSigner
from governance.audit.store import Object, Store
from tests.governance.audit.conftest import ORIGIN, RETENTION, event, make_bucket


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bucket(cloud: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A bucket of that cloud, which nothing but the adapter's own conditions protects."""
    if cloud == "local":
        return str(tmp_path / "bucket")
    if cloud == "aws":
        return make_bucket(request.getfixturevalue("s3"), request.node.name)
    if cloud == "kubernetes":
        return f"{request.getfixturevalue('own_store')}/{make_bucket(request.getfixturevalue('s3'), request.node.name)}"
    service = request.getfixturevalue({"gcp": "cloud_storage"}[cloud])
    service.locked = False
    return "audit"


def opened(cloud: str, bucket: str, prefix: str = "log/") -> Store:
    return CLOUDS[cloud].anchor(bucket, prefix, RETENTION)


def test_an_object_is_created_once_and_a_repeated_request_is_no_lost_race(cloud: str, bucket: str) -> None:
    store = opened(cloud, bucket)
    for _ in range(2):
        assert store.create_if_absent(Object("entries/a", b"first\r\n\r\n\x00"))
    assert not store.create_if_absent(Object("entries/a", b"second"))
    assert (store.read("entries/a"), store.read("entries/b")) == (b"first\r\n\r\n\x00", None)


def test_a_batch_stops_at_the_first_key_that_others_took_and_counts_what_is_its_own(cloud: str, bucket: str) -> None:
    store = opened(cloud, bucket)
    store.create_in_order([Object("b", b"theirs"), Object("d", b"4")])
    assert store.create_in_order([Object(key, b"ours") for key in "abc"]) == 1
    assert [store.read(key) for key in "abc"] == [b"ours", b"theirs", None]
    assert store.create_in_order([Object("c", b"3"), Object("d", b"4"), Object("b", b"ours"), Object("e", b"")]) == 2
    assert store.read("e") is None
    assert store.create_in_order([]) == 0


def test_keys_are_listed_in_order_and_from_a_key_on(cloud: str, bucket: str) -> None:
    store, keys = opened(cloud, bucket), ["b/2/x", "a/1", "b/10/x", "b-1", "b/2/y", "c"]
    for key in keys:
        store.create_if_absent(Object(key, b""))
    assert list(store.list("")) == sorted(keys)
    for after in [*keys, "b/2/xx", "z"]:
        assert list(store.list("", after)) == [key for key in sorted(keys) if key > after], after
    assert list(store.list("b/")) == ["b/10/x", "b/2/x", "b/2/y"]
    assert list(store.list("b/", "b/10/x")) == ["b/2/x", "b/2/y"]
    assert list(store.list("nothing/")) == []


def test_two_writers_share_a_log_that_verifies(cloud: str, bucket: str, tmp_path: Path) -> None:
    signer = FileSigner.create(tmp_path / "key.pem", ORIGIN)

    def writer() -> AuditLog:
        return AuditLog(opened(cloud, bucket), signer, [StoreAnchor(opened(cloud, bucket, "anchor/"))], ORIGIN)

    one, other = writer(), writer()
    assert [one.append(event(0)).sequence, other.append(event(1)).sequence] == [0, 1]
    one.append_many([event(2), event(3)])
    report = writer().verify()
    assert (report.ok, report.entries, report.anchored) == (True, 4, 4)
    reader = LogReader(one.store, one.keys, one.anchors, ORIGIN)
    assert [entry.event.run for entry in reader.newest_first()] == [f"run-{n}" for n in (3, 2, 1, 0)]


def test_an_anchor_is_named_by_the_clouds_own_scheme(cloud: str, bucket: str, platform: Platform) -> None:
    scheme = CLOUDS[cloud].scheme
    url = f"{scheme}://{bucket}/{{environment}}" if scheme else f"{bucket}/{{environment}}"
    (anchor,) = locate(platform, "dev", environ={ANCHORS: url}).open_anchors()
    assert anchor.publish(4, b"note")
    assert len(list(opened(cloud, bucket, "dev/").list(""))) == 1
    assert [other for other, adapter in CLOUDS.items() if adapter.scheme == scheme] == [cloud]


def test_a_url_of_no_cloud_is_no_anchor(platform: Platform) -> None:
    with pytest.raises(AuditError, match=r"ftp://place can be no anchor: name a folder"):
        locate(platform, "dev", environ={ANCHORS: "ftp://place"}).open_anchors()


def test_the_key_that_signs_is_the_one_that_the_settings_name(cloud: str) -> None:
    adapter, dev = CLOUDS[cloud], load_platform().environments["dev"]

    def told(key: str | None) -> str | None:
        return adapter.service_key(
            dev.model_copy(update={cloud: getattr(dev, cloud).model_copy(update={"audit_key": key})})
        )

    assert told(None) is None
    if "audit_key" in type(getattr(dev, cloud)).model_fields:
        assert told("alias/own") == "alias/own"
    else:
        with pytest.raises(NotImplementedError, match="has no key service"):
            adapter.service_signer(ORIGIN, "alias/own", dev)
