"""The offline provider behaves as a provider: Terraform plans, applies, replaces, imports and destroys with it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.infra.offline.simulated import Directory, directory

GOOGLE = """
terraform {
  required_providers {
    google = { source = "hashicorp/google" }
  }
}

provider "google" {
  project        = "acme-ml-dev"
  region         = "europe-west1"
  default_labels = { environment = "dev" }
}
"""

BASIC = (
    GOOGLE
    + """
variable "name" { default = "acme-artifacts" }
variable "secret" {
  default   = ""
  ephemeral = true
}

resource "google_storage_bucket" "it" {
  name          = var.name
  location      = "EU"
  labels        = { team = "oncology" }
  force_destroy = true
}

resource "google_service_account" "it" {
  account_id = "oncology-dev-wl"
}

resource "google_storage_bucket_iam_member" "it" {
  bucket = google_storage_bucket.it.name
  member = google_service_account.it.member
  role   = "roles/storage.objectViewer"
}

resource "google_project" "it" {
  name            = "acme-ml-dev"
  project_id      = "acme-ml-dev"
  deletion_policy = "DELETE"
}

resource "google_secret_manager_secret" "it" {
  secret_id = "database-url"
  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "it" {
  secret                 = google_secret_manager_secret.it.id
  secret_data_wo         = var.secret
  secret_data_wo_version = 1
}

output "bucket" { value = google_storage_bucket.it }
output "account" { value = google_service_account.it }
output "number" { value = google_project.it.number }
output "member" { value = google_storage_bucket_iam_member.it.member }
"""
)

SECRET = {"TF_VAR_secret": "open-sesame-7d1f"}


def outputs(here: Directory) -> dict[str, object]:
    return {name: one["value"] for name, one in json.loads(here.must("output", "-json")).items()}


def apply(here: Directory, *options: str, **variables: str) -> None:
    here.must("apply", "-auto-approve", "-input=false", "-no-color", *options, **variables)


def test_what_is_unknown_in_a_plan_has_its_real_form_after_apply(tmp_path: Path) -> None:
    here = directory(tmp_path, BASIC)
    plan = here.plan(**SECRET)
    unknown = {r["address"]: r["change"]["after_unknown"] for r in plan["resource_changes"]}
    assert unknown["google_storage_bucket.it"]["url"] is True
    assert unknown["google_project.it"]["number"] is True
    # From 6.7 on, the provider knows these two while planning.
    assert "email" not in unknown["google_service_account.it"]
    apply(here, **SECRET)
    found = outputs(here)
    bucket, account = found["bucket"], found["account"]
    assert isinstance(bucket, dict)
    assert isinstance(account, dict)
    assert bucket["url"] == "gs://acme-artifacts"
    assert bucket["self_link"] == "https://www.googleapis.com/storage/v1/b/acme-artifacts"
    assert bucket["project"] == "acme-ml-dev"
    assert bucket["effective_labels"] == {"environment": "dev", "team": "oncology"}
    assert account["email"] == "oncology-dev-wl@acme-ml-dev.iam.gserviceaccount.com"
    assert re.fullmatch(r"\d{21}", account["unique_id"])
    assert re.fullmatch(r"[1-9]\d{11}", str(found["number"]))
    assert found["member"] == f"serviceAccount:{account['email']}"


def test_a_second_plan_is_clean_and_another_apply_elsewhere_gives_the_same_values(tmp_path: Path) -> None:
    states = []
    for name in ("one", "two"):
        here = directory(tmp_path / name, BASIC)
        apply(here, **SECRET)
        assert here.run("plan", "-detailed-exitcode", "-input=false").returncode == 0
        states.append(outputs(here))
    assert states[0] == states[1]


def test_a_write_only_value_is_in_neither_plan_nor_state(tmp_path: Path) -> None:
    here = directory(tmp_path, BASIC)
    plan = here.plan(**SECRET)
    assert SECRET["TF_VAR_secret"] not in json.dumps(plan)
    apply(here, **SECRET)
    written = [file for file in here.folder.rglob("*") if file.is_file() and ".terraform" not in file.parts]
    assert any(file.name == "terraform.tfstate" for file in written)
    for file in written:
        assert SECRET["TF_VAR_secret"].encode() not in file.read_bytes(), file
    schema = json.loads(here.must("providers", "schema", "-json"))["provider_schemas"]
    version = schema["registry.terraform.io/hashicorp/google"]["resource_schemas"][
        "google_secret_manager_secret_version"
    ]
    assert version["block"]["attributes"]["secret_data_wo"]["write_only"] is True


def test_a_secret_without_a_value_is_planned_and_refused_on_apply(tmp_path: Path) -> None:
    here = directory(tmp_path, BASIC)
    here.plan()
    done = here.run("apply", "-auto-approve", "-input=false", "-no-color")
    assert done.returncode == 1
    assert "secret_data_wo must have a value" in " ".join(done.stderr.split())


def test_changes_update_or_replace_as_the_provider_would(tmp_path: Path) -> None:
    here = directory(tmp_path, BASIC)
    apply(here, **SECRET)
    changed = here.plan("-var", "name=acme-artifacts-2", **SECRET)
    actions = {r["address"]: r["change"]["actions"] for r in changed["resource_changes"]}
    assert actions["google_storage_bucket.it"] == ["delete", "create"]
    assert actions["google_storage_bucket_iam_member.it"] == ["delete", "create"]
    assert actions["google_service_account.it"] == ["no-op"]
    (here.folder / "main.tf").write_text(BASIC.replace('team = "oncology"', 'team = "fraud"'), encoding="utf-8")
    (bucket,) = [r for r in here.plan(**SECRET)["resource_changes"] if r["address"] == "google_storage_bucket.it"]
    assert bucket["change"]["actions"] == ["update"]
    assert bucket["change"]["after"]["effective_labels"] == {"environment": "dev", "team": "fraud"}


def test_destroying_follows_the_providers_protections(tmp_path: Path) -> None:
    here = directory(tmp_path, BASIC.replace('"DELETE"', '"PREVENT"'))
    apply(here, **SECRET)
    refused = here.run("destroy", "-auto-approve", "-input=false", "-no-color")
    assert refused.returncode == 1
    assert "deletion_policy is 'PREVENT'" in " ".join(refused.stderr.split())
    (here.folder / "main.tf").write_text(BASIC, encoding="utf-8")
    apply(here, **SECRET)
    here.must("destroy", "-auto-approve", "-input=false", "-no-color")
    assert here.state().get("values") is None


def test_an_import_takes_over_what_its_id_tells(tmp_path: Path) -> None:
    text = (
        GOOGLE
        + """
import {
  to = google_storage_bucket.it
  id = "acme-artifacts"
}
resource "google_storage_bucket" "it" {
  name     = "acme-artifacts"
  location = "EU"
}
"""
    )
    here = directory(tmp_path, text)
    (change,) = here.plan()["resource_changes"]
    assert change["change"]["importing"] == {"id": "acme-artifacts"}
    assert change["change"]["actions"] in (["update"], ["no-op"])
    apply(here)
    assert here.run("plan", "-detailed-exitcode", "-input=false").returncode == 0


def test_an_import_id_of_another_form_is_refused(tmp_path: Path) -> None:
    here = directory(tmp_path, GOOGLE + 'resource "google_kms_key_ring" "it" {\n name = "a"\n location = "eu"\n}\n')
    done = here.run("import", "-no-color", "google_kms_key_ring.it", "just-a-name")
    assert done.returncode == 1
    assert "has not the form projects/{project}/locations/{location}/keyRings/{name}" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('resource "google_storage_bucket" "x" {\n nam = "a"\n}', 'argument named "nam" is not expected'),
        ('resource "google_storage_bucket" "x" {\n name = "abc"\n}', 'The argument "location" is required'),
        ('resource "google_storage_bucket" "x" {\n name = "A"\n location = "EU"\n}', "3 to 63 characters"),
        ('resource "google_service_account" "x" {\n account_id = "abc"\n}', "6 to 30 characters"),
        ('resource "google_pubsub_topic" "x" {\n name = "abc"\n labels = { Team = "x" }\n}', "the key 'Team'"),
        (
            'resource "google_project" "x" {\n name = "abcdef"\n project_id = "abcdef"\n'
            ' folder_id = "1"\n org_id = "2"\n}',
            "folder_id, org_id: only one of these may be set",
        ),
        (
            'resource "google_compute_firewall" "x" {\n name = "abc"\n network = "n"\n}',
            "exactly one of allow, deny must be set",
        ),
    ],
)
def test_what_the_provider_refuses_is_refused(text: str, message: str, tmp_path: Path) -> None:
    done = directory(tmp_path, GOOGLE + text).run("validate", "-no-color")
    assert done.returncode == 1
    assert message in " ".join(done.stderr.split())


def test_it_says_what_it_is_when_a_person_starts_it(tmp_path: Path) -> None:
    here = directory(tmp_path, GOOGLE, initialised=False)
    (wrapper,) = here.configuration.parent.rglob("terraform-provider-aws_v*")
    done = subprocess.run([wrapper], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Terraform starts it" in done.stderr


def test_all_three_providers_serve_their_schemas(tmp_path: Path) -> None:
    text = """
terraform {
  required_providers {
    aws     = { source = "hashicorp/aws" }
    azurerm = { source = "hashicorp/azurerm" }
    google  = { source = "hashicorp/google" }
  }
}

provider "azurerm" {
  features {}
  subscription_id = "00000000-0000-0000-0000-000000000001"
}

resource "azurerm_resource_group" "it" {
  name     = "acme"
  location = "westeurope"
}

resource "azurerm_storage_account" "it" {
  name                     = "acmeartifacts"
  resource_group_name      = azurerm_resource_group.it.name
  location                 = azurerm_resource_group.it.location
  account_tier             = "Standard"
  account_replication_type = "ZRS"
}

output "id" { value = azurerm_storage_account.it.id }
"""
    here = directory(tmp_path, text)
    apply(here)
    assert outputs(here)["id"] == (
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/acme"
        "/providers/Microsoft.Storage/storageAccounts/acmeartifacts"
    )
    served = json.loads(here.must("providers", "schema", "-json"))["provider_schemas"]
    assert {source.rsplit("/", 1)[-1] for source in served} == {"aws", "azurerm", "google"}
