"""The root for Google Cloud in each environment with each orchestrator, as inventories say; bad input is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stack_bootstrap.terraform import TerraformError
from tests.conftest import copy_settings, edit_yaml
from tests.infra.gcp.conftest import COMMITTED, SHARED, Simulation
from tests.infra.gcp.settings import ENVIRONMENTS, choose
from tests.infra.offline import inventory
from tests.infra.offline.simulated import plan_root, resources

INVENTORIES = Path(__file__).parent / "inventories"


@pytest.mark.parametrize("name", [*SHARED, *(f"{environment}-{COMMITTED}" for environment in ENVIRONMENTS)])
def test_an_environment_holds_what_its_inventory_says(name: str, simulation: Simulation) -> None:
    inventory.check(simulation.resources(name), INVENTORIES / f"{name}.yaml")


def test_everything_billable_carries_the_labels_that_spend_is_reported_by(simulation: Simulation) -> None:
    wanted = {"environment", "team", "cost_center", "managed_by", "zenml_stack"}
    labelled = 0
    for address, resource in simulation.resources("production-kubernetes").items():
        labels = resource["values"].get("effective_labels")
        if labels is None:
            continue
        labelled += 1
        lacking = wanted - set(labels)
        assert not lacking, f"{address} lacks {lacking}"
        if '["oncology"]' in address:
            assert labels["team"] == "oncology"
            assert labels["cost_center"] == "cc-oncology"
    assert labelled > 20


@pytest.fixture(scope="module")
def spare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Resources of an environment that makes as little as it may."""
    settings = copy_settings(tmp_path_factory.mktemp("spare"))
    edit_yaml(settings / "teams" / "oncology.yaml", lambda team: team["environments"].pop("staging"))
    network = {"existing": "shared", "existing_subnets": ["ml"]}
    return resources(plan_root(choose(settings, budgets=False, create_project=False, network=network), "staging"))


def test_an_existing_project_and_network_are_used_as_they_are(spare: dict[str, dict[str, Any]]) -> None:
    built = {"google_project", "google_compute_network", "google_compute_subnetwork", "google_dns_managed_zone"}
    assert not built & {resource["type"] for resource in spare.values()}


def test_a_team_without_the_environment_has_nothing_there(spare: dict[str, dict[str, Any]]) -> None:
    assert any("diabetes-care" in address for address in spare)
    assert not [address for address in spare if "oncology" in address]


def test_budgets_can_be_kept_elsewhere(spare: dict[str, dict[str, Any]]) -> None:
    assert "google_billing_budget" not in {resource["type"] for resource in spare.values()}


def test_logs_cannot_be_kept_for_longer_than_the_cloud_keeps_them(settings_directory: Path) -> None:
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw["retention"].update(logs_days=3651))
    with pytest.raises(TerraformError, match="Cloud Logging keeps logs for 1 to 3650 days"):
        plan_root(settings_directory, "dev")
