"""Every role that is granted is in a reviewed inventory; a new grant fails until it is entered there."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.gcp.conftest import Simulation
from tests.infra.gcp.settings import ORCHESTRATORS

REVIEWED = Path(__file__).parent / "roles.yaml"

_HOLDERS = (
    (r"serviceAccount:[a-z-]+-staging-cl@", "client"),
    (r"serviceAccount:[a-z-]+-staging-wl@", "workload"),
    (r"serviceAccount:staging-(plan|apply|nodes|airflow)@", r"\1"),
    (r"serviceAccount:service-\d+@([\w-]+)\.", r"agent \1"),
    (r"serviceAccount:[\w-]+\.svc\.id\.goog\[", "pod of the team"),
    (r"principalSet:.*/attribute\.environment/staging$", "job of the GitHub environment"),
    (r"principalSet:.*/attribute\.repository_id/202$", "job of the repository"),
    (r"group:ml-engineers@example\.com$", "client_principals"),
    (r"group:auditors@example\.com$", "auditors"),
    (r"group:finance@example\.com$", "readers of the billing view"),
)


def granted(found: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """``role on what`` by who holds it; the team and the environment are left out, since all have the same."""
    by_holder: dict[str, set[str]] = defaultdict(set)
    for address, resource in found.items():
        kind = re.fullmatch(r"google_(\w+)_iam_(member|binding|policy)", resource["type"])
        if not kind:
            continue
        assert kind.group(2) == "member", f"{address}: a binding or policy would take away what others granted"
        member = resource["values"]["member"]
        holder = next((m.expand(name) for pattern, name in _HOLDERS if (m := re.match(pattern, member))), None)
        assert holder, f"{address}: nobody knows {member}"
        condition = " (conditional)" if resource["values"].get("condition") else ""
        by_holder[holder].add(f"{resource['values']['role']} on {kind.group(1)}{condition}")
    return {holder: sorted(roles) for holder, roles in sorted(by_holder.items())}


@pytest.mark.parametrize("orchestrator", ORCHESTRATORS)
def test_every_granted_role_was_reviewed(orchestrator: str, simulation: Simulation) -> None:
    reviewed = yaml.safe_load(REVIEWED.read_text(encoding="utf-8"))[orchestrator]
    assert granted(simulation.resources(f"staging-{orchestrator}")) == reviewed


@pytest.mark.parametrize("orchestrator", ORCHESTRATORS)
def test_the_apply_identity_may_grant_exactly_what_others_hold_on_the_project(
    orchestrator: str, simulation: Simulation
) -> None:
    found = simulation.resources(f"staging-{orchestrator}")
    granter = found["module.github[0].google_project_iam_member.granter[0]"]["values"]
    grantable = set(re.findall(r"'(roles/[\w.]+)'", granter["condition"][0]["expression"]))
    others = {
        resource["values"]["role"]
        for resource in found.values()
        if resource["type"] == "google_project_iam_member"
        and not re.search("staging-(apply|plan)@", resource["values"]["member"])
    }
    assert grantable == others
    assert not [role for role in grantable if re.search(r"(?i)admin|owner|editor$", role)]
