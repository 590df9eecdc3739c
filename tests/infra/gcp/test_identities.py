"""Who may read, pull, lock and pay: what each identity needs it has, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from environments import load_platform
from stack_bootstrap.workspace import workspace
from tests.infra.gcp.conftest import SHARED, Simulation

BASIC = {"roles/viewer", "roles/editor", "roles/owner"}
"""Roles whose holders every new bucket lets read it, by bindings that Google adds itself."""

READS_WHAT_IS_KEPT = re.compile(
    r"objects\.(get|list)|artifactregistry\.(?!repositories\.get$)|versions\.access|getData|logEntries|views\.access|useTo"
    r"|signBlob|getAccessToken|actAs|\.(create|delete|update|set\w*)$"
)

pytestmark = pytest.mark.parametrize("name", SHARED)

Found = dict[str, dict[str, Any]]


def grants(found: Found, kind: str, holder: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Address and values of each grant on ``kind`` whose member is a service account called ``holder``."""
    for address, resource in found.items():
        if (
            resource["type"] == f"google_{kind}_iam_member"
            and f"serviceAccount:{holder}" in resource["values"]["member"]
        ):
            yield address, resource["values"]


def plan_identity(name: str) -> str:
    return f"{name.split('-')[0]}-plan@"


def test_whatever_runs_a_pod_may_pull_its_image(name: str, simulation: Simulation) -> None:
    found, orchestrator = simulation.resources(name), name.split("-")[1]
    environment = name.split("-")[0]
    repositories = {
        resource["values"]["repository_id"]
        for resource in found.values()
        if resource["type"] == "google_artifact_registry_repository"
    }
    pullers = {"kubernetes": [f"{environment}-nodes@"], "airflow": [f"{environment}-airflow@"]}.get(orchestrator, [])
    for holder in pullers:
        pulled = {values["repository"] for _, values in grants(found, "artifact_registry_repository", holder)}
        assert pulled == repositories, holder
    for repository in repositories:
        team = repository.removesuffix(f"-{environment}")
        readers = [values for _, values in grants(found, "artifact_registry_repository", f"{team}-{environment}-wl@")]
        assert [values["repository"] for values in readers] == [repository]


def test_the_plan_identity_may_take_the_lock_and_write_nothing_else(name: str, simulation: Simulation) -> None:
    environment, orchestrator = name.split("-")
    backend = workspace(load_platform(simulation.settings(orchestrator)), environment, "gcp").backend
    on_buckets = [values for _, values in grants(simulation.resources(name), "storage_bucket", plan_identity(name))]
    assert {values["bucket"] for values in on_buckets} == {backend["bucket"]}
    by_role = {values["role"]: values for values in on_buckets}
    assert set(by_role) == {"roles/storage.objectViewer", "roles/storage.objectUser"}
    (condition,) = by_role["roles/storage.objectUser"]["condition"]
    lock = f"projects/_/buckets/{backend['bucket']}/objects/{backend['prefix']}/default.tflock"
    assert condition["expression"] == f"resource.name == '{lock}'"


def test_the_plan_identity_reads_how_things_are_set_up_and_not_what_they_hold(
    name: str, simulation: Simulation
) -> None:
    found = simulation.resources(name)
    held = {values["role"] for _, values in grants(found, "project", plan_identity(name))}
    custom = found['module.github[0].google_project_iam_custom_role.this["plan"]']["values"]
    assert held == {"roles/browser", "roles/iam.securityReviewer", custom["name"]}
    reading = {it for it in custom["permissions"] if READS_WHAT_IS_KEPT.search(it)}
    assert not reading
    assert {"storage.buckets.get", "compute.networks.list", "secretmanager.secrets.get"} <= set(custom["permissions"])


def test_nobody_views_edits_or_owns_the_whole_project(name: str, simulation: Simulation) -> None:
    assert not {values["role"] for _, values in grants(simulation.resources(name), "project")} & BASIC


def test_only_a_teams_own_accounts_and_composer_reach_its_artifacts(name: str, simulation: Simulation) -> None:
    environment, orchestrator = name.split("-")
    expected = {"cl", "wl"} | ({"airflow"} if orchestrator == "airflow" else set())
    for team in ("diabetes-care", "oncology", "platform"):
        bucket = f"acme-ml-{team}-{environment}-artifacts"
        members = {
            values["member"]
            for _, values in grants(simulation.resources(name), "storage_bucket")
            if values["bucket"] == bucket
        }
        prefixes = {f"{team}-{environment}-{it}" if it != "airflow" else f"{environment}-airflow" for it in expected}
        assert {re.sub(r"serviceAccount:([\w-]+)@.*", r"\1", member) for member in members} == prefixes


def test_budgets_can_be_refreshed_by_plan_and_changed_by_apply(name: str, simulation: Simulation) -> None:
    found = simulation.resources(name)
    accounts = {it["values"]["billing_account"] for it in found.values() if it["type"] == "google_billing_budget"}
    on_account = {
        (values["billing_account_id"], re.sub(r"serviceAccount:\w+-(\w+)@.*", r"\1", values["member"]), values["role"])
        for _, values in grants(found, "billing_account")
    }
    (account,) = accounts
    assert on_account == {(account, "plan", "roles/billing.viewer"), (account, "apply", "roles/billing.costsManager")}


def test_the_apply_identity_may_relabel_the_project_and_read_the_billing_export(
    name: str, simulation: Simulation
) -> None:
    found, environment = simulation.resources(name), name.split("-")[0]
    custom = found['module.github[0].google_project_iam_custom_role.this["apply"]']["values"]
    assert set(custom["permissions"]) == {"iam.roles.get", "resourcemanager.projects.update"}
    exported = [
        values for _, values in grants(found, "bigquery_dataset", f"{environment}-apply@") if values["project"] != ""
    ]
    assert [(it["project"], it["dataset_id"], it["role"]) for it in exported] == [
        ("acme-billing", "export", "roles/bigquery.dataViewer")
    ]


def test_what_an_agent_is_granted_a_key_for_is_enabled(name: str, simulation: Simulation) -> None:
    found = simulation.resources(name)
    enabled = {it["values"]["service"] for it in found.values() if it["type"] == "google_project_service"}
    services = {
        "cloudcomposer-accounts": "composer",
        "compute-system": "compute",
        "container-engine-robot": "container",
        "gcp-sa-aiplatform": "aiplatform",
        "gcp-sa-artifactregistry": "artifactregistry",
        "gcp-sa-pubsub": "pubsub",
        "gcp-sa-secretmanager": "secretmanager",
        "gs-project-accounts": "storage",
    }
    agents = {
        match[1]
        for _, values in grants(found, "kms_crypto_key", "service-")
        if (match := re.search(r"@([\w-]+)\.iam", values["member"]))
    }
    assert agents
    assert {f"{services[agent]}.googleapis.com" for agent in agents} <= enabled
