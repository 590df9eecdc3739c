"""What the root tells ZenML: the contract's shape, the right keys for each orchestrator, and ZenML's own consent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack_bootstrap.contract import StackContract, parse_stacks
from stack_bootstrap.infrastructure import apply, read_stacks
from stack_bootstrap.registration import RegistrationError, diff, open_client, register
from tests.conftest import REPOSITORY
from tests.infra.gcp.conftest import Simulation
from tests.infra.gcp.settings import ORCHESTRATORS, choose
from tests.infra.offline.inventory import differences
from tests.infra.offline.simulated import simulated_workspace

EXPECTED = Path(__file__).parent / "stacks"
TEAM = "oncology"


Contracts = Callable[[str], dict[str, StackContract]]


@pytest.fixture
def contracts(simulation: Simulation) -> Contracts:
    """The contracts of staging by orchestrator."""

    def of(orchestrator: str) -> dict[str, StackContract]:
        return parse_stacks(simulation.document(f"staging-{orchestrator}")["values"]["outputs"]["stacks"]["value"])

    return of


@pytest.mark.parametrize("orchestrator", ORCHESTRATORS)
def test_the_contract_is_the_expected_stack(orchestrator: str, contracts: Contracts) -> None:
    stacks = contracts(orchestrator)
    assert set(stacks) == {"diabetes-care", "oncology", "platform"}
    found = stacks[TEAM].model_dump(mode="json")
    wanted = yaml.safe_load((EXPECTED / f"{orchestrator}.yaml").read_text(encoding="utf-8"))
    assert set(found["components"]) == set(wanted["components"])
    assert set(found["connectors"]) == set(wanted["connectors"])
    for kind, component in wanted["components"].items():
        assert set(found["components"][kind]["configuration"]) == set(component.get("configuration", {})), kind
    assert not list(differences(wanted, found))


def test_every_contract_says_that_it_is_simulated(contracts: Contracts) -> None:
    assert all(contract.simulated for contract in contracts("local").values())


def test_workflows_exchange_their_token_for_the_teams_own_client(contracts: Contracts) -> None:
    for team, contract in contracts("vertex").items():
        for connector in contract.connectors.values():
            assert connector.auth_method == "external-account"
            credentials = json.loads(str(connector.configuration["external_account_json"]))
            assert f"/{team}-staging-cl@acme-ml-staging." in credentials["service_account_impersonation_url"]
            assert credentials["credential_source"] == {"file": "/var/run/oidc/token"}
            assert "private_key" not in credentials


@pytest.mark.parametrize("orchestrator", ORCHESTRATORS)
def test_zenml_registers_the_stack_and_a_second_run_changes_nothing(
    orchestrator: str, contracts: Contracts, zenml_store: Path
) -> None:
    pytest.importorskip("google.cloud.container_v1", reason="ZenML's GCP connector needs Google's client libraries")
    client = open_client()
    _tell_zenml_where_the_source_is()
    simulated = contracts(orchestrator)[TEAM]
    with pytest.raises(RegistrationError, match="simulation"):
        register({TEAM: simulated}, client=client)
    assert not _stack_names(client) & {simulated.stack.name}
    # As the real provider would emit it; its secrets are left out, since no Secret Manager can be asked here.
    real = simulated.model_copy(update={"simulated": False, "secrets": {}})
    register({TEAM: real}, client=client)
    assert not diff({TEAM: real}, client=client).differs
    stack = client.get_stack(real.stack.name)
    flavors = {kind.value: found[0].flavor_name for kind, found in stack.components.items()}
    assert flavors == {kind: component.flavor for kind, component in real.components.items()}
    for kind, component in real.components.items():
        registered = client.get_stack_component(kind, real.stack.name)
        kept = {key: registered.configuration.get(key) for key in component.configuration}
        assert kept == component.configuration
        assert (registered.connector is None) == (component.connector is None)


def test_contracts_are_read_back_only_from_the_simulation(
    settings_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from environments import load_platform

    choose(settings_directory, orchestrator="local")
    applied = apply(simulated_workspace(settings_directory, "dev"))
    monkeypatch.setenv("OFFLINE", "1")
    read = read_stacks(load_platform(settings_directory), "dev", "gcp")
    assert read == applied.stacks
    methods = {connector.auth_method for contract in read.values() for connector in contract.connectors.values()}
    assert methods == {"implicit"}, "without a repository's tokens whoever runs has credentials"
    assert parse_stacks({team: contract.model_dump() for team, contract in read.items()}) == read


def _tell_zenml_where_the_source_is() -> None:
    """A worker of pytest-xdist has no main file, by which ZenML finds it in a real run."""
    from zenml.utils.source_utils import set_custom_source_root

    set_custom_source_root(str(REPOSITORY))


def _stack_names(client: Any) -> set[str]:
    return {stack.name for stack in client.list_stacks().items}
