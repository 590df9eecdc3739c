"""A destroy names first all that will not be deleted; one that stops half-way leaves no ruin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stack_bootstrap import infrastructure
from stack_bootstrap.clouds.adapter import FullStoreError
from stack_bootstrap.clouds.gcp.full_stores import refuse_full_stores
from stack_bootstrap.infrastructure import DestroyIncompleteError, ProtectedEnvironmentError
from stack_bootstrap.terraform import GuardRefusedError, Terraform
from stack_bootstrap.workspace import Workspace
from tests.infra.gcp.conftest import Simulation
from tests.infra.offline.simulated import simulated_workspace


class Storage:
    """A storage client that knows which buckets hold something."""

    def __init__(self, *full: str) -> None:
        self.full = full

    def list_blobs(self, bucket: str, **given: Any) -> Iterator[str]:
        assert given == {"max_results": 1, "versions": True}, "one is enough, and former versions count"
        return iter(["a record"] if bucket in self.full else [])


def applied(simulation: Simulation, environment: str, orchestrator: str) -> Workspace:
    simulation.document(f"{environment}-{orchestrator}")
    return simulated_workspace(simulation.settings(orchestrator), environment)


def plan_to_destroy(where: Workspace, file: Path) -> dict[str, Any]:
    Terraform(where).plan(file, destroy=True)
    return Terraform(where).show(file)


def test_all_that_is_protected_locked_or_full_is_named_at_once(simulation: Simulation, tmp_path: Path) -> None:
    plan = plan_to_destroy(applied(simulation, "production", "kubernetes"), tmp_path / "plan")
    with pytest.raises(FullStoreError) as refused:
        refuse_full_stores(plan, client=Storage("acme-ml-platform-production-audit"))
    lines = {line.split(":")[0].strip() for line in str(refused.value).splitlines() if line.startswith("  ")}
    assert lines == {
        "module.audit_store.google_storage_bucket.this",
        "module.kubernetes[0].google_container_cluster.this",
        "module.observability.google_logging_project_bucket_config.this",
        "module.project.google_project.this[0]",
        *(
            f'module.secrets["{team}"].google_secret_manager_secret.this["api-key"]'
            for team in ("diabetes-care", "oncology", "platform")
        ),
    }


def test_one_record_in_devs_log_is_enough_and_an_empty_one_is_let_through(
    simulation: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_to_destroy(applied(simulation, "dev", "airflow"), tmp_path / "plan")
    refuse_full_stores(plan, client=Storage("acme-ml-oncology-dev-artifacts"))  # which dev may empty
    with pytest.raises(FullStoreError, match="the bucket acme-ml-platform-dev-audit holds objects"):
        refuse_full_stores(plan, client=Storage("acme-ml-platform-dev-audit"))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/at/all.json")
    with pytest.raises(FullStoreError, match="cannot be seen"):
        refuse_full_stores(plan)


def test_a_protected_environment_is_destroyed_only_after_its_protection(simulation: Simulation) -> None:
    where = replace(applied(simulation, "production", "kubernetes"), simulated=False)
    with pytest.raises(ProtectedEnvironmentError, match=r"Set protected: false in production\.yaml, apply that"):
        infrastructure.destroy(where, confirm="production")


def test_one_that_stops_half_way_leaves_a_guarded_state_and_says_how_to_go_on(simulation: Simulation) -> None:
    where = applied(simulation, "production", "kubernetes")
    with pytest.raises(DestroyIncompleteError) as stopped:
        infrastructure.destroy(where, confirm="production")
    said = str(stopped.value)
    assert "and apply before destroying" in " ".join(said.split()), "what the provider said"
    assert "stopped half-way" in said
    assert "  module.project.google_project.this" in said
    assert "-- state rm ADDRESS" in said
    kept = {it.get("module") for it in Terraform(where).pull_state()["resources"]}
    assert infrastructure.GUARD in kept
    assert 'module.identity["oncology"]' not in kept, "it did stop half-way"
    mixed_up = replace(where, variables={**where.variables, "environment": "staging"})
    with pytest.raises(GuardRefusedError, match="This state belongs to 'production'"):
        infrastructure.plan(mixed_up)
