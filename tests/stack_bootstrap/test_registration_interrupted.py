"""Killing ``register`` at any moment and running it again ends well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stack_bootstrap.contract import StackContract
from stack_bootstrap.registration import diff, register
from tests.stack_bootstrap.stack_contracts import Killed, WatchedClient, changed, local_contract, settle

NAME = "oncology-dev"


@pytest.fixture
def contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackContract:
    """One of each kind of object: secret, connector, linked component, stack."""
    monkeypatch.setenv("ONCOLOGY_TOKEN", "s3cr3t")
    return changed(
        local_contract(tmp_path),
        lambda raw: (
            raw["stack"].update(name=NAME),
            raw.update(
                components={
                    "orchestrator": {"flavor": "local"},
                    "artifact_store": {
                        "flavor": "s3", "configuration": {"path": "s3://bucket"}, "connector": "artifacts",
                    },
                },
                connectors={
                    "artifacts": {
                        "type": "aws",
                        "auth_method": "secret-key",
                        "resource_type": "s3-bucket",
                        "resource_id": "s3://bucket",
                        "configuration": {
                            "aws_access_key_id": "testing",
                            "aws_secret_access_key": "testing",
                            "region": "eu-central-1",
                        },
                    }
                },
                secrets={"token": {"manager": "environment", "reference": "ONCOLOGY_TOKEN"}},
            ),
        ),
    )  # fmt: skip


def everything_changes(raw: dict[str, Any]) -> None:
    """A later contract: the flavor and the connector have to be replaced, the rest updated."""
    raw["components"]["orchestrator"]["flavor"] = "local_docker"
    raw["components"]["artifact_store"]["configuration"]["path"] = "s3://another"
    raw["connectors"]["artifacts"]["resource_id"] = "s3://another"
    raw["secrets"]["token"]["reference"] = "ONCOLOGY_TOKEN_2"
    raw["stack"]["labels"]["cost_center"] = "clinic"


def survives_a_kill_at_every_write(
    contracts: dict[str, StackContract], client: Any, reset: Callable[[], object], writes: int
) -> None:
    for nth in range(1, writes + 1):
        reset()
        with pytest.raises(Killed):
            register(contracts, client=WatchedClient(client, die_at=nth))
        settle(contracts, client)
        stack = client.get_stack(NAME)
        assert {kind.value for kind in stack.components} == set(contracts["oncology"].components)
        linked = client.get_stack_component("artifact_store", NAME).connector
        assert linked.name == f"{NAME}-artifacts"


def count_writes(contracts: dict[str, StackContract], client: Any) -> int:
    watched = WatchedClient(client)
    register(contracts, client=watched)
    return len(watched.writes)


def test_a_first_registration(contract: StackContract, client: Any) -> None:
    contracts = {"oncology": contract}

    def reset() -> None:
        for stack in client.list_stacks(name=NAME).items:
            client.delete_stack(stack.id)
        for component in client.list_stack_components(name=NAME).items:
            client.delete_stack_component(component.id, component.type)
        for connector in client.list_service_connectors().items:
            client.delete_service_connector(connector.id)
        for secret in client.list_secrets().items:
            client.delete_secret(str(secret.id))

    writes = count_writes(contracts, client)
    assert writes == 6  # secret, connector, two components, a link, the stack
    survives_a_kill_at_every_write(contracts, client, reset, writes)
    assert not diff(contracts, client=client).differs


def test_a_registration_that_replaces_and_updates(
    contract: StackContract, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONCOLOGY_TOKEN_2", "another")
    later = {"oncology": changed(contract, everything_changes)}

    def reset() -> None:
        register({"oncology": contract}, client=client, prune=True)

    reset()
    writes = count_writes(later, client)
    assert writes == 7  # secret; connector aside and new; artifact store; orchestrator aside and new; stack
    survives_a_kill_at_every_write(later, client, reset, writes)
    assert register(later, client=client, prune=True).counts()["delete"] == 2
    assert not diff(later, client=client).differs


def test_a_pruning_is_completed_by_the_next(contract: StackContract, client: Any, tmp_path: Path) -> None:
    register({"oncology": contract, "diabetes-care": local_contract(tmp_path, team="diabetes-care")}, client=client)
    for _ in range(5):
        with pytest.raises(Killed):
            register({"oncology": contract}, client=WatchedClient(client, die_at=1), prune=True)
    assert not diff({"oncology": contract}, client=client).differs
