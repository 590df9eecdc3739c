"""The key that signs the audit log is made where the settings look for it, and signs for whoever appends only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from environments import load_platform
from governance.audit.location import locate
from tests.conftest import edit_yaml
from tests.infra.gcp.conftest import Simulation
from tests.infra.gcp.settings import COMPLETE
from tests.infra.offline.simulated import resources

KEY = "module.audit_key.google_kms_crypto_key"
LOG = "module.audit_store.google_storage_bucket_iam_member.this"


@pytest.fixture
def settings(simulation: Simulation) -> Path:
    return simulation.settings("airflow")


@pytest.fixture
def applied(simulation: Simulation) -> dict[str, Any]:
    return simulation.document("staging-airflow")


def holders(applied: dict[str, Any], address: str, role: str) -> set[str]:
    """Members that hold ``role`` by the grants at ``address``."""
    found = {it: resource["values"] for it, resource in resources(applied).items() if it.startswith(address)}
    return {values["member"] for values in found.values() if values.get("role") == role}


def test_it_has_the_name_that_the_log_signs_under(applied: dict[str, Any], settings: Path) -> None:
    key = resources(applied)[f"{KEY}.this"]["values"]
    assert key["purpose"] == "ASYMMETRIC_SIGN"
    assert key["version_template"] == [{"algorithm": "EC_SIGN_ED25519", "protection_level": "SOFTWARE"}]
    version = locate(load_platform(settings), "staging", cloud="gcp").service_key
    assert version == f"{key['id']}/cryptoKeyVersions/1" == applied["values"]["outputs"]["audit_key"]["value"]
    assert locate(load_platform(settings), "production", cloud="gcp").service_key != version


def test_whoever_appends_signs_and_nobody_else_but_the_workflow_that_applies(applied: dict[str, Any]) -> None:
    signers = holders(applied, KEY, "roles/cloudkms.signerVerifier")
    appenders = holders(applied, LOG, "roles/storage.objectCreator")
    assert len(appenders) == 7, "client and workload of two teams and the platform, and Composer"
    (apply,) = signers - appenders
    assert apply.startswith("serviceAccount:staging-apply@")
    assert appenders < signers


def test_auditors_read_the_log_and_its_public_key_only(applied: dict[str, Any]) -> None:
    (auditors,) = COMPLETE["auditors"]
    grants = {
        (resource["type"], resource["values"]["role"])
        for resource in resources(applied).values()
        if resource["values"].get("member") == auditors
    }
    assert grants == {
        ("google_kms_crypto_key_iam_member", "roles/cloudkms.publicKeyViewer"),
        ("google_storage_bucket_iam_member", "roles/storage.objectViewer"),
    }


def test_a_key_made_elsewhere_signs_where_the_settings_name_it(settings_directory: Path) -> None:
    other = "projects/keys/locations/europe-west1/keyRings/audit/cryptoKeys/log/cryptoKeyVersions/2"
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw["gcp"].update(audit_key=other))
    edit_yaml(settings_directory / "staging.yaml", lambda raw: raw["gcp"].pop("audit_key"))
    platform = load_platform(settings_directory)
    assert locate(platform, "dev", cloud="gcp").service_key == other
    assert locate(platform, "staging", cloud="gcp").service_key is None
