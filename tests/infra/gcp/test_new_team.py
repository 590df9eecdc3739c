"""One more team adds what is its own and changes nothing that is the platform's or another team's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from environments import load_platform
from governance.teams.preview import belongs
from tests.conftest import edit_yaml
from tests.infra.gcp.conftest import Simulation
from tests.infra.offline.simulated import plan_root

OWNER = "lise@example.com"


@pytest.fixture(params=["kubernetes", "airflow"])
def applied(request: pytest.FixtureRequest, simulation: Simulation) -> Iterator[Path]:
    """Settings of a whole environment that is applied, to which a team was then added."""
    simulation.document(f"staging-{request.param}")
    settings = simulation.settings(request.param)
    team, shared = settings / "teams" / "fraud.yaml", settings / "platform.yaml"
    before = shared.read_text(encoding="utf-8")
    text = (settings / "teams" / "oncology.yaml").read_text(encoding="utf-8")
    text = text.replace("breast_cancer_classifier", "fraud_classifier").replace("oncology-ml@example.com", OWNER)
    team.write_text(text.replace("oncology", "fraud"), encoding="utf-8")
    edit_yaml(shared, lambda raw: raw["cost_centers"].update({"cc-fraud": "fraud"}))
    load_platform(settings)
    yield settings
    team.unlink()
    shared.write_text(before, encoding="utf-8")


def changes(settings: Path) -> dict[str, tuple[str, ...]]:
    """What a plan does to each resource that it does not leave alone."""
    found: list[dict[str, Any]] = plan_root(settings, "staging")["resource_changes"]
    planned = {it["address"]: tuple(it["change"]["actions"]) for it in found if it["mode"] == "managed"}
    return {address: actions for address, actions in planned.items() if actions != ("no-op",)}


def unrelated_changes(planned: dict[str, tuple[str, ...]]) -> set[str]:
    """Resources that are not the new team's, or not new."""
    return {it for it, actions in planned.items() if actions != ("create",) or not belongs(it, "fraud")}


def test_a_new_team_adds_its_own_and_touches_nothing_else(applied: Path) -> None:
    planned = changes(applied)
    assert len(planned) > 30
    assert not unrelated_changes(planned)
    assert f'module.alerts["fraud"].google_monitoring_notification_channel.email["{OWNER}"]' in planned
    assert 'module.alerts["fraud"].google_monitoring_alert_policy.this["pipeline failed"]' in planned


def test_an_owner_who_is_told_of_the_whole_environment_would_be_seen(applied: Path) -> None:
    """What lists every team's owners in the platform's own policies looks like this."""
    text = (applied / "staging.yaml").read_text(encoding="utf-8")
    edit_yaml(applied / "staging.yaml", lambda raw: raw["gcp"]["alert_emails"].append(OWNER))
    try:
        seen = unrelated_changes(changes(applied))
    finally:
        (applied / "staging.yaml").write_text(text, encoding="utf-8")
    assert 'module.alerts["platform"].google_monitoring_alert_policy.this["pipeline failed"]' in seen
    assert 'module.alerts["platform"].google_monitoring_alert_policy.this["access changed"]' in seen
