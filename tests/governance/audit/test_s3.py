"""A bucket with Object Lock keeps what is written, against everybody, and a store that is down stops everything."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from environments import Platform, load_platform
from governance.audit.anchors import StoreAnchor
from governance.audit.clouds.aws import S3Store
from governance.audit.errors import StoreError
from governance.audit.layout import checkpoint_key, entry_key
from governance.audit.location import ANCHORS, KEYS, open_log, open_reader
from governance.audit.log import AuditLog
from governance.audit.signer import FileSigner
from governance.audit.store import HoldsObjects, Object
from tests.conftest import edit_yaml
from tests.governance.audit.conftest import ACTOR, ORIGIN, RETENTION, Command, event, make_bucket


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    return make_bucket(s3, request.node.name)


@pytest.fixture
def store(bucket: str) -> S3Store:
    return S3Store(bucket, RETENTION, prefix="log/", region="eu-central-1")


def _log(bucket: str, folder: Path, **options: Any) -> AuditLog:
    key = folder / "key.pem"
    signer = FileSigner.load(key, ORIGIN) if key.exists() else FileSigner.create(key, ORIGIN)
    anchor = StoreAnchor(S3Store(bucket, RETENTION, prefix="anchor/"))
    return AuditLog(S3Store(bucket, RETENTION, prefix="log/", **options), signer, [anchor], ORIGIN)


def test_keys_are_listed_past_one_page(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        store.create_if_absent(Object(f"entries/{number}", b""))
    pages = store._s3.get_paginator("list_objects_v2")
    paginate = pages.paginate
    monkeypatch.setattr(pages, "paginate", lambda **asked: paginate(**asked, PaginationConfig={"PageSize": 2}))
    monkeypatch.setattr(store._s3, "get_paginator", lambda _: pages)
    assert list(store.list("entries/")) == [f"entries/{number}" for number in range(5)]


def test_each_record_is_locked_for_the_days_of_its_class(bucket: str, s3: Any, tmp_path: Path) -> None:
    from governance.audit.events import SecretRotation

    log = _log(bucket, tmp_path)
    log.append(event())
    log.append(SecretRotation(actor=ACTOR, environment="dev", manager="file", reference="key"))
    for key, days in ((entry_key(0), 30), (entry_key(1), 365), (checkpoint_key(1), 365)):
        head = s3.head_object(Bucket=bucket, Key=f"log/{key}")
        assert head["ObjectLockMode"] == "COMPLIANCE"
        wanted = datetime.now(UTC) + timedelta(days=days)
        assert abs(head["ObjectLockRetainUntilDate"] - wanted) < timedelta(minutes=5), key


def test_nobody_overwrites_or_deletes_a_record(bucket: str, s3: Any, tmp_path: Path) -> None:
    from botocore.exceptions import ClientError

    log = _log(bucket, tmp_path)
    log.append(event())
    key = f"log/{entry_key(0)}"
    version = s3.head_object(Bucket=bucket, Key=key)["VersionId"]
    for bypass in (False, True):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=bucket, Key=key, VersionId=version, BypassGovernanceRetention=bypass)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"other", IfNoneMatch="*")
    assert log.verify().ok


def test_a_version_put_over_a_record_is_found_and_the_record_is_still_there(
    bucket: str, s3: Any, tmp_path: Path
) -> None:
    log = _log(bucket, tmp_path)
    log.append(event())
    key = f"log/{entry_key(0)}"
    version = s3.head_object(Bucket=bucket, Key=key)["VersionId"]
    s3.put_object(Bucket=bucket, Key=key, Body=b"other")
    assert log.verify().first_bad == 0
    kept = s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read()
    assert kept.startswith(b'{"entry":')


def test_a_legal_hold_is_placed_and_released(bucket: str, s3: Any, tmp_path: Path) -> None:
    log = _log(bucket, tmp_path, legal_hold=True)
    log.append(event())

    def status(key: str) -> str:
        return str(s3.get_object_legal_hold(Bucket=bucket, Key=f"log/{key}")["LegalHold"]["Status"])

    assert status(entry_key(0)) == "ON"
    assert isinstance(log.store, HoldsObjects)
    log.store.set_legal_hold(entry_key(0), on=False)
    assert status(entry_key(0)) == "OFF"


def test_the_platforms_log_on_aws_is_written_held_and_verified_from_the_command_line(
    s3: Any, platform: Platform, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = {"LocationConstraint": "eu-central-1"}
    for name in ("acme-ml-platform-dev-audit", "acme-anchors"):
        s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, CreateBucketConfiguration=where)
    monkeypatch.setenv(KEYS, str(tmp_path / "keys"))
    monkeypatch.setenv(ANCHORS, "s3://acme-anchors/{environment}")
    open_log(platform, "dev", cloud="aws").append_many([event(0), event(1), event(2)])
    on_aws = ("--env", "dev", "--cloud", "aws")
    hold = ("hold", *on_aws, "--first", "0", "--last", "1", "--reason", "case 7")
    command(*hold, "--dry-run")

    def held(sequence: int) -> bool:
        head = s3.head_object(Bucket="acme-ml-platform-dev-audit", Key=entry_key(sequence))
        return bool(head.get("ObjectLockLegalHoldStatus") == "ON")

    assert [held(sequence) for sequence in range(3)] == [False, False, False]
    assert "hold placed" in command(*hold)
    assert [held(sequence) for sequence in range(3)] == [True, True, False]
    assert "hold released" in command(*hold, "--release")
    assert [held(sequence) for sequence in range(3)] == [False, False, False]
    assert "has no entries 0 to 9" in command(*hold[:5], "--first", "0", "--last", "9", "--reason", "x", status=1)
    actions = [entry.event.content() for entry in open_reader(platform, "dev", cloud="aws").entries(3)]
    assert [one["action"] for one in actions] == ["placed", "released"]
    assert json.loads(command("verify", *on_aws, "--json"))["anchored"] == 5


def test_the_log_of_an_own_cluster_is_locked_in_its_own_store_and_anchored_in_another(
    own_store: str, s3: Any, settings_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ClientError

    names = ("acme-ml-platform-staging-audit", "acme-own-anchors")
    for name in names:
        where = {"LocationConstraint": "eu-central-1"}
        s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, CreateBucketConfiguration=where)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # the store is the one that the settings name
    monkeypatch.setenv(KEYS, str(tmp_path / "keys"))
    monkeypatch.setenv(ANCHORS, f"s3+https://{own_store}/acme-own-anchors/{{environment}}")
    edit_yaml(
        settings_directory / "staging.yaml",
        lambda raw: raw["kubernetes"].update(store={"endpoint": f"https://{own_store}"}),
    )
    platform = load_platform(settings_directory)
    log = open_log(platform, "staging", cloud="kubernetes")
    log.append_many([event(0), event(1)])
    report = log.verify()
    assert (report.ok, report.entries, report.anchored) == (True, 2, 2)
    for name in names:
        held = s3.list_objects_v2(Bucket=name)["Contents"]
        assert held
        for found in held:
            head = s3.head_object(Bucket=name, Key=found["Key"])
            assert head["ObjectLockMode"] == "COMPLIANCE"
            with pytest.raises(ClientError, match="AccessDenied"):
                s3.delete_object(Bucket=name, Key=found["Key"], VersionId=head["VersionId"])


def test_a_store_that_is_down_stops_the_append(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = _log(bucket, tmp_path)
    log.append(event(0))
    down = _log(bucket, tmp_path)
    import boto3
    from botocore.config import Config

    quick = Config(retries={"max_attempts": 0}, connect_timeout=0.2)
    dead = boto3.client("s3", region_name="eu-central-1", endpoint_url="http://127.0.0.1:9", config=quick)
    down.store._s3 = dead  # type: ignore[attr-defined]
    with pytest.raises(StoreError, match=r"s3://audit-.*Could not connect"):
        down.append(event(1))
    assert log.append(event(2)).sequence == 1


def test_a_missing_bucket_is_an_error_and_not_an_empty_log(s3: Any) -> None:
    store = S3Store("no-such-bucket", RETENTION)
    with pytest.raises(StoreError, match="NoSuchBucket"):
        store.read("entries/a")
    with pytest.raises(StoreError, match="NoSuchBucket"):
        store.create_if_absent(Object("a", b""))
    with pytest.raises(StoreError, match="NoSuchBucket"):
        list(store.list("entries/"))


def _answers(store: S3Store, codes: list[str]) -> list[str]:
    """Make the next writes fail with ``codes``, as the service would, before they succeed; the list empties."""
    from botocore.exceptions import ClientError

    real = store._s3

    class Client:
        def put_object(self, **request: Any) -> Any:
            if codes:
                raise ClientError({"Error": {"Code": codes.pop(0), "Message": "x"}}, "PutObject")
            return real.put_object(**request)

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    store._s3 = Client()
    return codes


def test_a_write_that_met_another_in_flight_is_repeated(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    left = _answers(store, ["ConditionalRequestConflict"] * 3)
    assert store.create_if_absent(Object("a", b"x"))
    assert left == []
    _answers(store, ["ConditionalRequestConflict"] * 9)
    with pytest.raises(StoreError, match="ConditionalRequestConflict"):
        store.create_if_absent(Object("b", b"x"))


def test_a_bucket_without_object_lock_is_refused(s3: Any, tmp_path: Path) -> None:
    s3.create_bucket(Bucket="unlocked", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    with pytest.raises(StoreError, match=r"(?i)object ?lock"):
        _log("unlocked", tmp_path).append(event())
