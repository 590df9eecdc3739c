"""The root of an own cluster against a store that speaks S3: its buckets, the state in them, the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from environments import load_platform, store_keys_variable
from stack_bootstrap import infrastructure
from stack_bootstrap.clouds.adapter import FullStoreError
from stack_bootstrap.clouds.kubernetes.state_bucket import make_state_bucket
from stack_bootstrap.clouds.state_bucket import StateError
from stack_bootstrap.contract import StackContract
from stack_bootstrap.workspace import Workspace, workspace
from tests.conftest import copy_settings, edit_yaml
from tests.infra.aws.cloud import require_provider, running_server

pytestmark = [pytest.mark.xdist_group("own store"), pytest.mark.slow]

KEYS = {"AWS_ACCESS_KEY_ID": "store-key", "AWS_SECRET_ACCESS_KEY": "store-secret"}
STORE_KEYS = json.dumps({"key": "team-key", "secret": "team-secret"})


@dataclass(frozen=True)
class Applied:
    """``dev``, applied by the real provider into a store of this module's own."""

    settings: Path
    where: Workspace
    stacks: dict[str, StackContract]
    s3: Any


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    require_provider()
    import boto3

    folder = tmp_path_factory.mktemp("own-store")
    with running_server(folder) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        settings = copy_settings(folder)
        for name in ("dev", "production"):
            edit_yaml(settings / f"{name}.yaml", lambda raw: raw["kubernetes"].update(store={"endpoint": server.url}))
        platform = load_platform(settings)
        assert make_state_bucket(platform.environment("dev")).created
        # What is inside the cluster is tried on a real one, in tests/kubernetes.
        where = replace(workspace(platform, "dev", "kubernetes"), home=folder / "home", cluster=None)
        stacks = infrastructure.apply(where).stacks
        yield Applied(settings, where, stacks, boto3.client("s3", endpoint_url=server.url, region_name="us-east-1"))


def test_a_second_plan_changes_nothing(applied: Applied) -> None:
    assert not infrastructure.plan(applied.where).differs


def test_every_team_has_a_versioned_bucket_with_its_labels(applied: Applied) -> None:
    for team in ("oncology", "diabetes-care", "platform"):
        name = f"acme-ml-{team}-dev-artifacts"
        assert applied.s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
        tags = {tag["Key"]: tag["Value"] for tag in applied.s3.get_bucket_tagging(Bucket=name)["TagSet"]}
        assert tags["team"] == team
        assert {"cost_center", "environment", "managed_by", "zenml_stack"} <= set(tags)


def test_the_log_is_locked_for_the_retention_and_cannot_be_emptied(applied: Applied) -> None:
    name = "acme-ml-platform-dev-audit"
    rule = applied.s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]["Rule"]
    assert (rule["DefaultRetention"]["Mode"], rule["DefaultRetention"]["Days"]) == ("COMPLIANCE", 365)
    version = applied.s3.put_object(Bucket=name, Key="entry", Body=b"x")["VersionId"]
    with pytest.raises(applied.s3.exceptions.ClientError, match="403"):
        applied.s3.delete_object(Bucket=name, Key="entry", VersionId=version)
    with pytest.raises(FullStoreError, match=f"the bucket {name} holds objects"):
        infrastructure.destroy(applied.where)


def test_the_state_lies_in_the_environments_own_store_and_holds_no_key(applied: Applied) -> None:
    backend = applied.where.backend
    body = applied.s3.get_object(Bucket=backend["bucket"], Key=backend["key"])["Body"].read().decode()
    assert json.loads(body)["resources"]
    assert not any(secret in body for secret in (*KEYS.values(), "team-secret"))


def test_the_state_bucket_is_corrected_and_another_is_not_touched(applied: Applied) -> None:
    dev = load_platform(applied.settings).environment("dev")
    bucket = applied.where.backend["bucket"]
    assert make_state_bucket(dev).changes == ()
    applied.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert make_state_bucket(dev, dry_run=True).changes == ("versioned",)
    assert make_state_bucket(dev).changes == ("versioned",)
    production = load_platform(applied.settings).environment("production")
    applied.s3.create_bucket(Bucket="acme-ml-production-tfstate")
    applied.s3.put_object(Bucket="acme-ml-production-tfstate", Key="theirs", Body=b"x")
    with pytest.raises(StateError, match="is not the state bucket of production"):
        make_state_bucket(production)
    unreachable = production.model_copy(
        update={"kubernetes": dev.kubernetes.model_copy(update={"store": _store("http://127.0.0.1:9")})}  # type: ignore[union-attr]
    )
    with pytest.raises(StateError, match=r"acme-ml-production-tfstate at http://127.0.0.1:9"):
        make_state_bucket(unreachable)


def _store(endpoint: str) -> Any:
    from environments.cluster import ObjectStore

    return ObjectStore(endpoint=endpoint)


def test_the_contract_is_the_expected_stack(applied: Applied) -> None:
    assert set(applied.stacks) == {"diabetes-care", "oncology", "platform"}
    wanted = yaml.safe_load((Path(__file__).parent / "stacks" / "oncology.yaml").read_text(encoding="utf-8"))
    found = applied.stacks["oncology"].model_dump(mode="json")
    endpoint = found["components"]["artifact_store"]["configuration"].pop("client_kwargs")
    assert endpoint["endpoint_url"].startswith("http://127.0.0.1:")
    del found["cost"]["budget"]
    assert found == wanted


def test_zenml_registers_the_stack_and_a_second_run_changes_nothing(
    applied: Applied, zenml_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("kubernetes", reason="ZenML's kubernetes orchestrator needs the client library")
    from stack_bootstrap.registration import diff, open_client, register

    for contract in applied.stacks.values():
        monkeypatch.setenv(store_keys_variable(contract.stack.name), STORE_KEYS)
    client = open_client()
    register(applied.stacks, client=client)
    assert not diff(applied.stacks, client=client).differs
    stack = client.get_stack("oncology-dev")
    assert {kind.value for kind in stack.components} == set(applied.stacks["oncology"].components)
    assert json.loads(STORE_KEYS).items() <= client.get_secret("oncology-dev-store").secret_values.items()
    store = client.get_stack_component("artifact_store", "oncology-dev")
    assert "team-secret" not in json.dumps(store.configuration)
