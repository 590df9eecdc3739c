"""Backups in buckets: locked until their time is up, split into objects, and all versions deleted after that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from governance.audit.errors import StoreError
from governance.backups import make
from governance.backups.errors import BackupError
from governance.backups.fetch import fetch
from governance.backups.make import make_backup
from governance.backups.places import BACKUPS, Place
from governance.core import clock
from tests.governance.audit.conftest import (  # noqa: F401 - fixtures
    _aws_endpoint,
    cloud_storage,
    make_bucket,
    s3,
)
from tests.governance.audit.key_services import CloudStorage
from tests.governance.backups.conftest import ROWS


def test_a_bucket_locks_every_object_for_the_days_of_the_settings(
    place: Place,
    s3: Any,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    bucket = make_bucket(s3, request.node.name)
    monkeypatch.setenv(BACKUPS, f"s3://{bucket}/server/{{environment}}")
    monkeypatch.setattr(make, "CHUNK", 100)
    manifest = make_backup(place).manifest
    assert len(manifest.parts["database"].chunks) > 3
    found = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert {one["Key"].split("/")[:3][2] for one in found} == {manifest.backup}
    for one in found:
        head = s3.head_object(Bucket=bucket, Key=one["Key"])
        assert head["ObjectLockMode"] == "COMPLIANCE"
        wanted = datetime.now(UTC) + timedelta(days=place.days)
        assert abs(head["ObjectLockRetainUntilDate"] - wanted) < timedelta(minutes=5)
    place.drafts.mkdir(parents=True)
    files = fetch(place.store(), manifest, place.drafts, lambda _what, _done: None)
    assert files["database"].stat().st_size == manifest.parts["database"].size

    key = f"{manifest.backup}/manifest.json"
    with pytest.raises(StoreError, match="AccessDenied"):
        place.store().delete(key)
    today = clock.now()
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: today + timedelta(days=place.days + 1))
        assert make_backup(place).kept[0].startswith(f"{manifest.backup}: "), "the bucket's clock counts, not ours"


def test_every_version_of_a_bucket_goes_when_its_time_is_up(
    place: Place,
    s3: Any,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    bucket = make_bucket(s3, request.node.name)
    monkeypatch.setenv(BACKUPS, f"s3://{bucket}")
    for _ in range(2):  # somebody put a version over it, and hid both
        s3.put_object(Bucket=bucket, Key="dev/part", Body=b"x")
    s3.put_object(Bucket=bucket, Key="dev/part-of-another", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="dev/part")
    place.store().delete("dev/part")
    left = s3.list_object_versions(Bucket=bucket)
    assert [one["Key"] for one in (*left["Versions"], *left.get("DeleteMarkers", []))] == ["dev/part-of-another"]
    place.store().delete("dev/part")


def test_google_clouds_bucket_keeps_what_is_locked_and_gives_up_the_rest(
    place: Place,
    cloud_storage: CloudStorage,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(BACKUPS, "gs://audit/server/{environment}")
    manifest = make_backup(place).manifest
    held = manifest.parts["database"].inventory
    assert held is not None
    assert held.tables["pipeline_run"].rows == ROWS
    key = f"{manifest.backup}/manifest.json"
    assert cloud_storage.objects["audit", f"server/dev/{key}"] == manifest.encode()
    with pytest.raises(StoreError, match="retention policy"):
        place.store().delete(key)
    cloud_storage.locked = False
    place.store().delete(key)
    assert place.store().read(key) is None
    place.store().delete(key)


def test_a_cloud_without_a_named_place_says_what_to_name(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackupError, match=f"name a folder, s3://bucket/prefix or gs://bucket/prefix in {BACKUPS}"):
        Place.of(place.platform, "dev", "aws").store({})
