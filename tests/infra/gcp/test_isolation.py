"""No environment reaches into another, no team into another, and production is staging with another YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from environments import load_platform
from stack_bootstrap.workspace import workspace
from tests.conftest import edit_yaml
from tests.infra.gcp.conftest import Simulation
from tests.infra.gcp.settings import COMPLETE, ENVIRONMENTS, choose
from tests.infra.offline.simulated import plan_root

TEAMS = ("diabetes-care", "oncology", "platform")

Found = Mapping[str, Mapping[str, Any]]


@pytest.fixture
def applied(simulation: Simulation) -> dict[str, Found]:
    """All three environments with everything chosen, applied: then every name and member is known."""
    return {
        it.split("-")[0]: simulation.resources(it) for it in ("dev-airflow", "staging-vertex", "production-kubernetes")
    }


def members(found: Found) -> Iterator[tuple[str, str]]:
    """Address and member of every grant."""
    for address, resource in found.items():
        if "member" in resource["values"] and resource["type"].endswith("_iam_member"):
            yield address, resource["values"]["member"]


def numbers(found: Found) -> set[str]:
    return {resource["values"]["number"] for resource in found.values() if resource["type"] == "google_project"}


def test_only_principals_of_the_environment_itself_are_granted_anything(applied: dict[str, Found]) -> None:
    named = {*COMPLETE["client_principals"], *COMPLETE["auditors"], *COMPLETE["billing_export"]["readers"]}
    for name, found in applied.items():
        granted = list(members(found))
        assert len(granted) > 60
        (number,) = numbers(found)
        for address, member in granted:
            kind, _, rest = member.partition(":")
            if kind == "serviceAccount":
                own = rf"[\w.-]+@acme-ml-{name}\.iam\.gserviceaccount\.com"
                agent = rf"service-{number}@[\w-]+\.iam\.gserviceaccount\.com"
                pod = rf"acme-ml-{name}\.svc\.id\.goog\[acme-ml-[\w-]+-{name}/(?:step|workload)\]"
                assert re.fullmatch(f"{own}|{agent}|{pod}", rest), f"{name}: {address}: {member}"
            elif kind == "principalSet":
                assert rest.startswith(f"//iam.googleapis.com/projects/{number}/"), f"{name}: {address}: {member}"
            else:
                assert member in named, f"{name}: {address}: {member}"


def test_a_team_is_granted_nothing_that_is_another_teams(applied: dict[str, Found]) -> None:
    for name, found in applied.items():
        for address, member in members(found):
            owner = next((team for team in TEAMS if f'["{team}"]' in address or f'["{team}/' in address), None)
            holder = re.match(rf"serviceAccount:([a-z-]+)-{name}-(cl|wl)@", member)
            pod = re.search(rf"\.svc\.id\.goog\[acme-ml-([\w-]+)-{name}/", member)
            for found_team in (holder, pod):
                if found_team is not None:
                    assert owner == found_team.group(1), f"{name}: {address} grants {member}"


def test_environments_share_no_project_key_network_bucket_or_account(applied: dict[str, Found]) -> None:
    kinds = (
        "google_artifact_registry_repository",
        "google_compute_network",
        "google_kms_crypto_key",
        "google_kms_key_ring",
        "google_project",
        "google_service_account",
        "google_storage_bucket",
    )
    ids = {name: {r["values"]["id"] for r in found.values() if r["type"] in kinds} for name, found in applied.items()}
    assert all(len(found) > 20 for found in ids.values())
    for first, second in (("dev", "staging"), ("staging", "production"), ("dev", "production")):
        assert not ids[first] & ids[second]


def test_nothing_of_another_environment_is_named_anywhere(applied: dict[str, Found]) -> None:
    for name, found in applied.items():
        text = json.dumps(found)
        for other in ENVIRONMENTS:
            assert (f"acme-ml-{other}" in text) == (other == name)


def test_workflows_of_one_environment_cannot_apply_another(applied: dict[str, Found]) -> None:
    for name, found in applied.items():
        apply = found['module.github[0].google_service_account_iam_member.federated["apply"]']["values"]
        assert apply["member"].endswith(f"/attribute.environment/{name}")
        provider = found["module.github[0].google_iam_workload_identity_pool_provider.github"]["values"]
        assert provider["attribute_condition"] == (
            'assertion.repository_id == "202" && assertion.repository_owner_id == "101"'
        )


def test_no_key_is_made_and_no_team_administers_a_project(applied: dict[str, Found]) -> None:
    for name, found in applied.items():
        assert "google_service_account_key" not in {r["type"] for r in found.values()}
        for address, resource in found.items():
            if resource["type"] == "google_project_iam_member":
                role, member = resource["values"]["role"], resource["values"]["member"]
                privileged = re.search(r"(?i)admin|roles/(owner|editor)$|serviceAgent", role)
                assert not privileged or member.startswith(f"serviceAccount:{name}-apply@"), f"{address}: {role}"


def test_states_are_apart(settings_directory: Path) -> None:
    platform = load_platform(settings_directory)
    backends = [workspace(platform, name, "gcp").backend for name in ENVIRONMENTS]
    assert len({backend["bucket"] for backend in backends}) == 3
    assert len({backend["prefix"] for backend in backends}) == 3
    assert len({workspace(platform, name, "gcp").data for name in ENVIRONMENTS}) == 3


def test_production_differs_from_staging_only_where_its_yaml_says_so(settings_directory: Path) -> None:
    choose(settings_directory, orchestrator="vertex", **COMPLETE)
    production = plan_root(settings_directory, "production")
    raw = yaml.safe_load((settings_directory / "production.yaml").read_text(encoding="utf-8"))
    raw.update(environment="staging")
    raw["gcp"]["project_id"] = "acme-ml-staging"
    (settings_directory / "staging.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    for file in (settings_directory / "teams").glob("*.yaml"):
        edit_yaml(file, lambda team: team["environments"].update(staging=team["environments"]["production"]))
    staging = plan_root(settings_directory, "staging")
    renamed = json.loads(json.dumps(production["planned_values"]).replace("production", "staging"))
    assert _in_order(staging["planned_values"]) == _in_order(renamed)


def _in_order(value: Any) -> Any:
    """Sets come in the order of their hashes, which names change."""
    if isinstance(value, dict):
        return {key: _in_order(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_in_order(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value
