"""Variants of the settings of Google Cloud, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conftest import edit_yaml
from tests.infra.managed_cluster import managed_cluster

ENVIRONMENTS = ("dev", "staging", "production")
ORCHESTRATORS = ("airflow", "kubernetes", "local", "vertex")

COMPLETE: dict[str, Any] = {
    "alert_emails": ["platform@example.com"],
    "billing_export": {
        "table": "acme-billing.export.gcp_billing_export_v1_000000_000000_000000",
        "location": "EU",
        "readers": ["group:finance@example.com"],
    },
    "auditors": ["group:auditors@example.com"],
    "client_principals": ["group:ml-engineers@example.com"],
    "github": {"owner": "acme", "name": "groundwork", "owner_id": 101, "repository_id": 202},
    "oidc_token_file": "/var/run/oidc/token",
    "secrets": {"api-key": 0},
}
"""Every part that may be left out, chosen."""


def choose(settings: Path, **gcp: Any) -> Path:
    """Set keys of the ``gcp`` section of all three environments."""
    for name in ENVIRONMENTS:
        edit_yaml(settings / f"{name}.yaml", lambda raw: _choose(raw, gcp))
    return settings


def _choose(raw: dict[str, Any], gcp: dict[str, Any]) -> None:
    raw["gcp"].update(gcp)
    if gcp.get("orchestrator") == "kubernetes":
        raw["gcp"]["kubernetes"] = managed_cluster(raw)
