"""Service connectors, against AWS as moto's server plays it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stack_bootstrap.contract import StackContract
from stack_bootstrap.registration import RegistrationError, diff, register, verify
from tests.stack_bootstrap.stack_contracts import changed, local_contract, settle

NAME = "oncology-dev"
CONNECTOR = "oncology-dev-artifacts"
BUCKET = "acme-oncology-dev-artifacts"


def contract_with(tmp_path: Path, connector: dict[str, Any]) -> StackContract:
    def change(raw: dict[str, Any]) -> None:
        raw["cloud"] = "aws"
        raw["stack"]["name"] = NAME
        raw["components"] = {
            "orchestrator": {"flavor": "local"},
            "artifact_store": {"flavor": "s3", "configuration": {"path": f"s3://{BUCKET}"}, "connector": "artifacts"},
        }
        raw["connectors"] = {"artifacts": connector}

    return changed(local_contract(tmp_path), change)


@pytest.fixture
def contracts(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, StackContract]:
    """A bucket, and a connector that finds its credentials where it runs, as on a machine with a role."""
    import boto3

    boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    monkeypatch.setenv("ZENML_ENABLE_IMPLICIT_AUTH_METHODS", "true")
    connector = {
        "type": "aws",
        "auth_method": "implicit",
        "resource_type": "s3-bucket",
        "resource_id": f"s3://{BUCKET}",
        "configuration": {"region": "eu-central-1"},
    }
    return {"oncology": contract_with(tmp_path, connector)}


def edit(contracts: dict[str, StackContract], **connector: Any) -> dict[str, StackContract]:
    return {
        team: changed(contract, lambda raw: raw["connectors"]["artifacts"].update(connector))
        for team, contract in contracts.items()
    }


def test_a_component_is_linked_to_its_connector_and_works_through_it(
    contracts: dict[str, StackContract], client: Any
) -> None:
    settle(contracts, client)
    connector = client.get_service_connector(CONNECTOR)
    assert connector.labels["managed_by"] == "groundwork"
    store = client.get_stack_component("artifact_store", NAME)
    assert store.connector.id == connector.id
    assert store.connector_resource_id == f"s3://{BUCKET}"

    assert [check for check in verify(contracts, client=client) if check.problem] == []


def test_a_link_that_was_removed_is_set_again(contracts: dict[str, StackContract], client: Any) -> None:
    register(contracts, client=client)
    client.update_stack_component(NAME, "artifact_store", disconnect=True)
    (change,) = diff(contracts, client=client)
    assert {difference.path for difference in change.differences} == {"connector", "connector_resource_id"}
    settle(contracts, client)
    assert client.get_stack_component("artifact_store", NAME).connector.name == CONNECTOR


def test_a_link_that_the_contract_drops_is_removed(contracts: dict[str, StackContract], client: Any) -> None:
    register(contracts, client=client)
    without = changed(contracts["oncology"], lambda raw: raw["components"]["artifact_store"].update(connector=None))
    settle({"oncology": without}, client)
    assert client.get_stack_component("artifact_store", NAME).connector is None


def test_what_was_changed_in_zenml_is_put_right(contracts: dict[str, StackContract], client: Any) -> None:
    register(contracts, client=client)
    before = client.get_service_connector(CONNECTOR).id
    client.update_service_connector(
        CONNECTOR, configuration={"region": "us-east-1"}, labels={"team": "x", "extra": "y"}, verify=False
    )
    (change,) = diff(contracts, client=client)
    assert {(d.path, d.before) for d in change.differences} == {
        ("configuration.region", "(hidden)"),
        ("labels.team", "x"),
        ("labels.extra", "y"),
    }
    settle(contracts, client)
    assert client.get_service_connector(CONNECTOR).id == before


def test_a_changed_configuration_is_updated_in_place(contracts: dict[str, StackContract], client: Any) -> None:
    register(contracts, client=client)
    before = client.get_service_connector(CONNECTOR).id
    settle(edit(contracts, configuration={"region": "eu-west-1"}), client)
    connector = client.get_service_connector(CONNECTOR)
    assert connector.id == before
    assert connector.configuration.plain == {"region": "eu-west-1"}


def test_credentials_are_compared_but_never_shown(contracts: dict[str, StackContract], client: Any) -> None:
    def with_key(secret: str) -> dict[str, StackContract]:
        configuration = {"aws_access_key_id": "testing", "aws_secret_access_key": secret, "region": "eu-central-1"}
        return edit(contracts, auth_method="secret-key", configuration=configuration)

    settle(with_key("first-canary"), client)
    announced = diff(with_key("second-canary"), client=client)
    assert "canary" not in repr(announced)
    assert {d.path for change in announced for d in change.differences} == {"configuration.aws_secret_access_key"}
    settle(with_key("second-canary"), client)


@pytest.mark.parametrize(
    "fixed",
    [
        {"resource_id": f"s3://{BUCKET}-2"},
        {"auth_method": "secret-key"},
        {"resource_type": "aws-generic", "resource_id": None},
    ],
    ids=lambda fixed: next(iter(fixed)),
)
def test_what_zenml_cannot_change_gets_a_new_connector_and_the_component_follows(
    contracts: dict[str, StackContract], client: Any, fixed: dict[str, Any]
) -> None:
    register(contracts, client=client)
    before = client.get_service_connector(CONNECTOR).id
    if fixed.get("auth_method"):
        fixed = {
            **fixed,
            "configuration": {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region": "eu-central-1"},
        }
    later = edit(contracts, **fixed)
    assert {change.ref.kind: change.action for change in diff(later, client=client)} == {
        "connector": "replace",
        "component": "update",
    }
    settle(later, client)
    linked = client.get_stack_component("artifact_store", NAME).connector
    assert linked.name == CONNECTOR
    assert linked.id != before
    register(later, client=client, prune=True)
    assert [connector.id for connector in client.list_service_connectors().items] == [linked.id]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"configuration": {"region": "eu-central-1", "regoin": "x"}}, "unknown configuration keys regoin; .*takes: "),
        ({"configuration": {}}, "missing required attribute 'region'"),
        ({"auth_method": "password"}, "connector configuration is not valid"),
        ({"resource_type": "tape"}, "connector configuration is not valid"),
        ({"type": "mainframe"}, "mainframe"),
    ],
    ids=["unknown key", "missing key", "auth method", "resource type", "type"],
)
def test_a_wrong_connector_is_refused_by_name_before_anything_is_written(
    contracts: dict[str, StackContract], client: Any, wrong: dict[str, Any], says: str
) -> None:
    with pytest.raises(RegistrationError, match=f"connector {CONNECTOR}: .*{says}"):
        register(edit(contracts, **wrong), client=client)
    assert client.list_service_connectors().total == 0


def test_a_connector_of_someone_else_is_left_alone(contracts: dict[str, StackContract], client: Any) -> None:
    client.create_service_connector(
        CONNECTOR,
        "aws",
        resource_type="s3-bucket",
        auth_method="implicit",
        configuration={"region": "us-east-1"},
        resource_id=f"s3://{BUCKET}",
        verify=False,
    )
    with pytest.raises(RegistrationError, match=f"connector {CONNECTOR}: exists in ZenML and is not managed"):
        register(contracts, client=client)
    register(contracts, client=client, adopt=True)
    assert client.get_service_connector(CONNECTOR).labels["managed_by"] == "groundwork"
    settle(contracts, client)


def test_verify_names_a_connector_without_access_and_a_bucket_that_is_gone(
    contracts: dict[str, StackContract], client: Any
) -> None:
    import boto3

    register(contracts, client=client)
    boto3.client("s3").delete_bucket(Bucket=BUCKET)
    problems = {(check.ref.kind, check.what): check.problem for check in verify(contracts, client=client)}
    assert problems["connector", "gains access"] is not None
    assert BUCKET in problems["connector", "gains access"]
    assert problems["component", "can be reached"] is not None
