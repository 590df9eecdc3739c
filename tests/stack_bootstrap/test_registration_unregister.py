"""Deleting is explicit, takes only what Groundwork registered, and leaves nothing half used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from environments import Environment, load_platform
from stack_bootstrap.contract import StackContract
from stack_bootstrap.registration import Progress, RegistrationError, register, unregister
from tests.stack_bootstrap.stack_contracts import Killed, WatchedClient, local_contract

NAME = "local-oncology-dev"


@pytest.fixture
def dev(settings_directory: Path) -> Environment:
    return load_platform(settings_directory).environment("dev")


@pytest.fixture
def contracts(tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, StackContract]:
    """Two teams in dev and one in production, registered beside what somebody made by hand."""
    monkeypatch.setenv("TOKEN", "x")
    secrets = {"token": {"manager": "environment", "reference": "TOKEN"}}
    contracts = {
        "oncology": local_contract(tmp_path, secrets=secrets),
        "diabetes-care": local_contract(tmp_path, team="diabetes-care"),
        "production": local_contract(tmp_path, "production"),
    }
    register(contracts, client=client)
    client.create_stack_component("theirs-dev", "local", "artifact_store", {"path": "/theirs"})
    client.create_secret("theirs-dev", {"value": "x"})
    return contracts


def names(client: Any) -> set[str]:
    """Names of everything but ZenML's own default stack."""
    return {
        found.name
        for page in (client.list_stacks(), client.list_stack_components(size=100), client.list_secrets())
        for found in page.items
    } - {"default"}


def test_one_team_goes_and_nothing_else(contracts: dict[str, StackContract], client: Any, dev: Environment) -> None:
    seen: list[Progress] = []
    gone = unregister(dev, "local", team="oncology", client=client, observer=seen.append)
    assert gone.counts() == {"delete": 6}
    assert [progress.change.ref.kind for progress in seen] == ["stack", *["component"] * 4, "secret"]
    assert names(client) == {"local-diabetes-care-dev", "local-oncology-production", "theirs-dev"}


def test_a_whole_environment_goes_and_a_second_time_there_is_nothing(
    contracts: dict[str, StackContract], client: Any, dev: Environment
) -> None:
    assert unregister(dev, "local", client=client).counts() == {"delete": 11}
    assert names(client) == {"local-oncology-production", "theirs-dev"}
    assert unregister(dev, "local", client=client).counts() == {}


def test_another_cloud_is_left_alone(contracts: dict[str, StackContract], client: Any, dev: Environment) -> None:
    assert unregister(dev, "aws", client=client).counts() == {}


def test_a_dry_run_deletes_nothing(contracts: dict[str, StackContract], client: Any, dev: Environment) -> None:
    before = names(client)
    assert unregister(dev, "local", client=client, dry_run=True).counts() == {"delete": 11}
    assert names(client) == before


def test_a_protected_environment_goes_only_by_name(
    contracts: dict[str, StackContract], client: Any, settings_directory: Path
) -> None:
    production = load_platform(settings_directory).environment("production")
    for confirm in (None, "dev", ""):
        with pytest.raises(RegistrationError, match=r"production: is protected; .* --confirm production"):
            unregister(production, "local", client=client, confirm=confirm)
    assert unregister(production, "local", client=client, dry_run=True).counts() == {"delete": 5}
    assert "local-oncology-production" in names(client)
    unregister(production, "local", client=client, confirm="production")
    assert "local-oncology-production" not in names(client)


def test_what_others_use_is_refused_before_anything_goes(
    contracts: dict[str, StackContract], client: Any, dev: Environment
) -> None:
    from zenml.enums import StackComponentType

    store = client.get_stack_component("artifact_store", NAME)
    orchestrator = client.create_stack_component("theirs-dev", "local", "orchestrator", {})
    client.create_stack(
        "borrowed", {StackComponentType.ORCHESTRATOR: orchestrator.id, StackComponentType.ARTIFACT_STORE: store.id}
    )
    before = names(client)
    with pytest.raises(RegistrationError, match=f"artifact_store component {NAME}: is used by the stack borrowed"):
        unregister(dev, "local", client=client)
    assert names(client) == before


def test_the_active_stack_is_refused_before_anything_goes(
    contracts: dict[str, StackContract], client: Any, dev: Environment
) -> None:
    client.activate_stack(NAME)
    before = names(client)
    with pytest.raises(RegistrationError, match=f"stack {NAME}: is the active stack"):
        unregister(dev, "local", client=client)
    assert names(client) == before


def test_an_error_of_zenml_names_the_object(contracts: dict[str, StackContract], client: Any, dev: Environment) -> None:
    with pytest.raises(RegistrationError, match="stack local-diabetes-care-dev: the server says no"):
        unregister(dev, "local", client=WatchedClient(client, refuse="delete_stack"))


def test_a_kill_at_any_deletion_is_completed_by_the_next_run(
    contracts: dict[str, StackContract], client: Any, dev: Environment
) -> None:
    for nth in range(1, 7):
        with pytest.raises(Killed):
            unregister(dev, "local", team="oncology", client=WatchedClient(client, die_at=nth))
        unregister(dev, "local", team="oncology", client=client)
        assert names(client) == {"local-diabetes-care-dev", "local-oncology-production", "theirs-dev"}
        register({"oncology": contracts["oncology"]}, client=client, team="oncology")
