"""The root for Google Cloud in each environment with each orchestrator, as inventories say; bad input is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack_bootstrap.terraform import TerraformError
from tests.conftest import edit_yaml
from tests.infra.gcp.settings import COMPLETE, ENVIRONMENTS, ORCHESTRATORS, choose
from tests.infra.offline import inventory
from tests.infra.offline.simulated import plan_root, resources

INVENTORIES = Path(__file__).parent / "inventories"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("orchestrator", ORCHESTRATORS)
def test_an_environment_holds_what_its_inventory_says(
    environment: str, orchestrator: str, settings_directory: Path
) -> None:
    choose(settings_directory, orchestrator=orchestrator)
    planned = resources(plan_root(settings_directory, environment))
    inventory.check(planned, INVENTORIES / f"{environment}-{orchestrator}.yaml")


def test_everything_billable_carries_the_labels_that_spend_is_reported_by(settings_directory: Path) -> None:
    choose(settings_directory, orchestrator="kubernetes", **COMPLETE)
    wanted = {"environment", "team", "cost_center", "managed_by", "zenml_stack"}
    labelled = 0
    for address, resource in resources(plan_root(settings_directory, "production")).items():
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


def test_an_existing_project_and_network_are_used_as_they_are(settings_directory: Path) -> None:
    choose(settings_directory, create_project=False, network={"existing": "shared", "existing_subnets": ["ml"]})
    planned = resources(plan_root(settings_directory, "staging"))
    built = {"google_project", "google_compute_network", "google_compute_subnetwork", "google_dns_managed_zone"}
    assert not built & {resource["type"] for resource in planned.values()}


def test_a_team_without_the_environment_has_nothing_there(settings_directory: Path) -> None:
    edit_yaml(settings_directory / "teams" / "oncology.yaml", lambda team: team["environments"].pop("dev"))
    planned = resources(plan_root(settings_directory, "dev"))
    assert not [address for address in planned if "oncology" in address]


def test_budgets_can_be_kept_elsewhere(settings_directory: Path) -> None:
    choose(settings_directory, budgets=False)
    assert "google_billing_budget" not in {r["type"] for r in resources(plan_root(settings_directory, "dev")).values()}


def test_logs_cannot_be_kept_for_longer_than_the_cloud_keeps_them(settings_directory: Path) -> None:
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw["retention"].update(logs_days=3651))
    with pytest.raises(TerraformError, match="Cloud Logging keeps logs for 1 to 3650 days"):
        plan_root(settings_directory, "dev")
