"""``verify`` says what does not work from here, and of which object."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from stack_bootstrap.contract import StackContract
from stack_bootstrap.registration import Check, RegistrationError, register, verify
from tests.stack_bootstrap.stack_contracts import WatchedClient, changed, local_contract

NAME = "local-oncology-dev"


@pytest.fixture
def contracts(tmp_path: Path) -> dict[str, StackContract]:
    return {"oncology": local_contract(tmp_path)}


def problems(contracts: dict[str, StackContract], client: Any) -> dict[tuple[str, str], str]:
    """Problem by object and check."""
    return {
        (f"{check.ref.title} {check.ref.name}", check.what): check.problem
        for check in verify(contracts, client=client)
        if check.problem is not None
    }


def test_all_is_well_after_registering_and_nothing_is_written(contracts: dict[str, StackContract], client: Any) -> None:
    register(contracts, client=client)
    watched, seen = WatchedClient(client), list[Check]()
    checks = verify(contracts, client=watched, observer=seen.append)
    assert [check.problem for check in checks] == [None] * 7
    assert list(checks) == seen
    assert watched.writes == []


def test_what_is_not_registered_is_named(contracts: dict[str, StackContract], client: Any) -> None:
    found = problems(contracts, client)
    assert found[f"stack {NAME}", "is as its contract says"] == "is not registered; run register"
    assert len(found) == 5


def test_what_differs_is_named_with_its_fields(contracts: dict[str, StackContract], client: Any) -> None:
    register(contracts, client=client)
    client.update_stack_component(NAME, "experiment_tracker", configuration={"experiment_name": "mine"})
    assert problems(contracts, client) == {
        (f"experiment_tracker component {NAME}", "is as its contract says"): (
            "differs in configuration.experiment_name; see diff, and run register"
        )
    }


def test_an_artifact_store_whose_folder_is_gone_is_named_and_not_made(
    contracts: dict[str, StackContract], client: Any
) -> None:
    register(contracts, client=client)
    folder = Path(str(contracts["oncology"].components["artifact_store"].configuration["path"]))
    shutil.rmtree(folder)
    assert problems(contracts, client) == {
        (f"artifact_store component {NAME}", "can be reached"): f"{folder} does not exist; run apply"
    }


def with_tracking_server(raw: dict[str, Any]) -> None:
    raw["components"]["experiment_tracker"]["configuration"].update(
        tracking_uri="https://mlflow.example", tracking_username="{{mlflow.user}}", tracking_password="{{mlflow.pass}}"
    )


def test_a_stack_whose_components_do_not_go_together_is_named(contracts: dict[str, StackContract], client: Any) -> None:
    kubernetes = {"flavor": "kubernetes", "configuration": {"kubernetes_context": "x"}}
    contracts = {
        "oncology": changed(contracts["oncology"], lambda raw: raw["components"].update(orchestrator=kubernetes))
    }
    register(contracts, client=client)
    assert list(problems(contracts, client)) == [(f"stack {NAME}", "is valid")]


def test_a_component_that_changed_after_an_earlier_check_is_seen(
    contracts: dict[str, StackContract], client: Any
) -> None:
    register(contracts, client=client)
    assert not problems(contracts, client)
    client.create_secret("mlflow", {"user": "u", "pass": "p"})
    contracts = {"oncology": changed(contracts["oncology"], with_tracking_server)}
    register(contracts, client=client)
    assert not problems(contracts, client)
    client.delete_secret("mlflow")
    assert "mlflow" in problems(contracts, client)[f"stack {NAME}", "is valid"]


def test_secrets_need_to_be_there_but_their_values_are_not_needed(
    tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    contracts = {
        "oncology": local_contract(tmp_path, secrets={"token": {"manager": "environment", "reference": "TOKEN"}})
    }
    monkeypatch.setenv("TOKEN", "x")
    register(contracts, client=client)
    monkeypatch.delenv("TOKEN")
    assert not problems(contracts, client)
    client.delete_secret(f"{NAME}-token")
    assert list(problems(contracts, client)) == [(f"secret {NAME}-token", "is as its contract says")]


def test_an_object_of_someone_else_is_named(contracts: dict[str, StackContract], client: Any) -> None:
    register(contracts, client=client)
    client.update_stack(NAME, labels={"managed_by": "someone"})
    assert "not managed by Groundwork" in problems(contracts, client)[f"stack {NAME}", "is as its contract says"]


def test_a_simulation_cannot_be_verified(tmp_path: Path, client: Any) -> None:
    with pytest.raises(RegistrationError, match="simulation"):
        verify({"oncology": local_contract(tmp_path, simulated=True)}, client=client)
