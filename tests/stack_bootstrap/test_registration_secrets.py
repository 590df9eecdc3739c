"""Secrets: values come from where the contract points, reach ZenML, and show nowhere else."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from stack_bootstrap.contract import StackContract
from stack_bootstrap.registration import RegistrationError, diff, register
from tests.stack_bootstrap.stack_contracts import WatchedClient, changed, local_contract, settle

SECRET = "local-oncology-dev-token"
CANARY = "correct-horse-battery-staple"


def contracts_with(tmp_path: Path, manager: str, reference: str, **more: Any) -> dict[str, StackContract]:
    secrets = {"token": {"manager": manager, "reference": reference}, **more}
    return {"oncology": local_contract(tmp_path, secrets=secrets)}


@pytest.fixture
def contracts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, StackContract]:
    monkeypatch.setenv("ONCOLOGY_TOKEN", CANARY)
    return contracts_with(tmp_path, "environment", "ONCOLOGY_TOKEN")


def values(client: Any, name: str = SECRET) -> dict[str, str]:
    held = dict(client.get_secret(name).secret_values)
    assert json.loads(held.pop("managed_by_groundwork"))["team"] == "oncology"
    return held


def test_a_value_reaches_zenml_and_nothing_else(
    contracts: dict[str, StackContract],
    client: Any,
    zenml_store: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    announced = diff(contracts, client=client)
    done = register(contracts, client=client)
    assert values(client) == {"value": CANARY}

    output = capfd.readouterr()
    for shown in (repr(announced), json.dumps(done.as_json()), repr(done), caplog.text, output.out, output.err):
        assert CANARY not in shown


def test_a_rotated_value_is_seen_and_written_without_being_shown(
    contracts: dict[str, StackContract], client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(contracts, client)
    monkeypatch.setenv("ONCOLOGY_TOKEN", "rotated-value")
    (change,) = diff(contracts, client=client)
    assert [(d.path, d.before, d.after) for d in change.differences] == [("values.value", "(hidden)", "(hidden)")]
    settle(contracts, client)
    assert values(client) == {"value": "rotated-value"}


def test_a_value_changed_in_zenml_is_put_right(contracts: dict[str, StackContract], client: Any) -> None:
    register(contracts, client=client)
    client.update_secret(SECRET, add_or_update_values={"value": "tampered", "surplus": "x"})
    settle(contracts, client)
    assert values(client) == {"value": CANARY}


def test_a_missing_variable_is_refused_by_name_before_anything_is_written(
    tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONCOLOGY_TOKEN", raising=False)
    contracts = contracts_with(
        tmp_path, "environment", "ONCOLOGY_TOKEN", other={"manager": "environment", "reference": "ONCOLOGY_OTHER"}
    )
    watched = WatchedClient(client)
    with pytest.raises(RegistrationError) as refused:
        register(contracts, client=watched)
    assert f"secret {SECRET}: the environment variable ONCOLOGY_TOKEN is not set" in str(refused.value)
    assert "secret local-oncology-dev-other: the environment variable ONCOLOGY_OTHER" in str(refused.value)
    assert watched.calls == []


def test_an_empty_variable_is_refused(contracts: dict[str, StackContract], client: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("ONCOLOGY_TOKEN", "")
    with pytest.raises(RegistrationError, match=f"secret {SECRET}: ONCOLOGY_TOKEN in environment is empty"):
        register(contracts, client=client)


def test_a_json_object_becomes_one_key_each(
    contracts: dict[str, StackContract], client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONCOLOGY_TOKEN", '{"username": "svc", "password": "p"}')
    settle(contracts, client)
    assert values(client) == {"username": "svc", "password": "p"}

    for whole in ('{"port": 5432}', "[1]", "{}", "12"):
        monkeypatch.setenv("ONCOLOGY_TOKEN", whole)
        settle(contracts, client)
        assert values(client) == {"value": whole}


def test_the_reserved_key_is_refused(
    contracts: dict[str, StackContract], client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONCOLOGY_TOKEN", '{"managed_by_groundwork": "x"}')
    with pytest.raises(RegistrationError, match=f"secret {SECRET}: the key managed_by_groundwork is reserved"):
        register(contracts, client=client)


@pytest.mark.parametrize("theirs", [{"value": "x"}, {"managed_by_groundwork": "yes"}, {"managed_by_groundwork": "1"}])
def test_a_secret_of_someone_else_is_left_alone(
    contracts: dict[str, StackContract], client: Any, theirs: dict[str, str]
) -> None:
    client.create_secret(SECRET, theirs)
    with pytest.raises(RegistrationError, match=f"secret {SECRET}: exists in ZenML and is not managed"):
        register(contracts, client=client)
    assert client.get_secret(SECRET).secret_values == theirs
    register(contracts, client=client, adopt=True)
    assert values(client) == {"value": CANARY}


def test_values_that_zenml_hides_from_this_user_are_an_error(
    contracts: dict[str, StackContract], client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(contracts, client=client)
    store = type(client.zen_store)
    read = store.get_secret

    def without_permission(self: Any, *arguments: Any, **keywords: Any) -> Any:
        """As the server answers a user who may see a secret but not its values."""
        secret = read(self, *arguments, **keywords)
        secret.remove_secrets()
        return secret

    monkeypatch.setattr(store, "get_secret", without_permission)
    with pytest.raises(RegistrationError, match=f"secret {SECRET}: ZenML hides its values from this user"):
        diff(contracts, client=client)


def test_a_private_secret_of_the_same_name_is_left_alone(contracts: dict[str, StackContract], client: Any) -> None:
    private = client.create_secret(SECRET, {"mine": "x"}, private=True)
    settle(contracts, client)
    assert client.get_secret(private.id).secret_values == {"mine": "x"}


def test_a_secret_that_no_contract_asks_for_is_an_orphan(
    contracts: dict[str, StackContract], client: Any, tmp_path: Path
) -> None:
    register(contracts, client=client)
    client.create_secret("notes-about-dev", {"value": "theirs"})
    without = {"oncology": local_contract(tmp_path)}
    assert [orphan.ref.name for orphan in diff(without, client=client).orphans] == [SECRET]
    register(without, client=client, prune=True)
    assert [secret.name for secret in client.list_secrets().items] == ["notes-about-dev"]


def test_a_component_refers_to_a_secret_that_is_registered_with_it(
    contracts: dict[str, StackContract], client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = {"tracking_username": f"{{{{{SECRET}.user}}}}", "tracking_password": f"{{{{{SECRET}.password}}}}"}

    def refer(raw: dict[str, Any]) -> None:
        raw["components"]["experiment_tracker"]["configuration"].update(
            tracking_uri="https://mlflow.example", **reference
        )

    contracts = {"oncology": changed(contracts["oncology"], refer)}
    monkeypatch.setenv("ONCOLOGY_TOKEN", json.dumps({"user": "svc"}))
    with pytest.raises(
        RegistrationError, match=f"refers to the key 'password' of the secret {SECRET}, which has: user"
    ):
        register(contracts, client=client)

    monkeypatch.setenv("ONCOLOGY_TOKEN", json.dumps({"user": "svc", "password": CANARY}))
    settle(contracts, client)
    held = client.get_stack_component("experiment_tracker", "local-oncology-dev").configuration
    assert held == {"tracking_uri": "https://mlflow.example", **reference}


def test_aws_secrets_manager(aws: str, tmp_path: Path, client: Any) -> None:
    import boto3

    manager = boto3.client("secretsmanager")
    arn = manager.create_secret(Name="oncology-dev-token", SecretString=CANARY)["ARN"]
    manager.create_secret(Name="oncology-dev-database", SecretString=json.dumps({"username": "u", "password": "p"}))
    contracts = contracts_with(
        tmp_path,
        "aws-secrets-manager",
        arn,
        database={"manager": "aws-secrets-manager", "reference": "oncology-dev-database"},
    )
    settle(contracts, client)
    assert values(client) == {"value": CANARY}
    assert values(client, "local-oncology-dev-database") == {"username": "u", "password": "p"}

    manager.put_secret_value(SecretId=arn, SecretString="rotated")
    settle(contracts, client)
    assert values(client) == {"value": "rotated"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "missing cannot be read from AWS Secrets Manager: .*ResourceNotFoundException"),
        ({}, "missing cannot be read from AWS Secrets Manager: .*ResourceNotFoundException"),
        ({"SecretBinary": b"x"}, "missing in AWS Secrets Manager is binary"),
    ],
    ids=["no such secret", "no value yet", "binary"],
)
def test_what_aws_does_not_give_is_refused_by_name(
    aws: str, tmp_path: Path, client: Any, content: dict[str, Any] | None, says: str
) -> None:
    import boto3

    if content is not None:
        boto3.client("secretsmanager").create_secret(Name="missing", **content)
    with pytest.raises(RegistrationError, match=f"secret {SECRET}: {says}"):
        register(contracts_with(tmp_path, "aws-secrets-manager", "missing"), client=client)


@pytest.mark.parametrize(
    ("manager", "module", "package"),
    [
        ("aws-secrets-manager", "boto3", "boto3"),
        ("gcp-secret-manager", "google.cloud.secretmanager", "google-cloud-secret-manager"),
        ("azure-key-vault", "azure.identity", "azure-identity azure-keyvault-secrets"),
    ],
)
def test_a_missing_library_is_named(
    tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch, manager: str, module: str, package: str
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RegistrationError, match=f"secret {SECRET}: .*pip install {package}"):
        register(contracts_with(tmp_path, manager, "anything"), client=client)
