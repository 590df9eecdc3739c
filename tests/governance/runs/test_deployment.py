"""Pipelines are deployed governed, once per change, and are refused where they could not run."""

from __future__ import annotations

import json

import pytest

from environments import SettingsError
from governance.core.provenance import Provenance
from governance.core.stacks import StackMissingError
from governance.records import journal
from governance.runs import deployment as snapshots
from tests.governance.conftest import CANCER, Ground

CLEAN = Provenance(git_commit="c" * 40, git_dirty=False, lock_digest="d" * 64, started_by="ada")


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "collect", lambda _: CLEAN)


def test_a_pipeline_is_deployed_with_its_gates_and_only_when_it_changed(
    ground: Ground, checkout: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zenml.client import Client

    target = ground.target("dev")
    assert [(row.snapshot, row.changed) for row in snapshots.deploy(target, dry_run=True)] == [(f"{CANCER}-dev", True)]
    assert Client().list_snapshots().total == 0, "a dry run keeps nothing"
    (first,) = snapshots.deploy(target)
    assert first.changed
    (kept,) = Client().list_snapshots(hydrate=True).items
    assert kept.name == f"{CANCER}-dev"
    assert {"validate_data_quality", "validate_model_performance"} <= set(kept.step_configurations)
    assert CLEAN.git_commit in (kept.description or "")
    assert kept.stack is not None
    assert kept.stack.name == target.stack
    (again,) = snapshots.deploy(target)
    assert not again.changed
    monkeypatch.setattr(journal, "collect", lambda _: CLEAN.model_copy(update={"git_commit": "e" * 40}))
    (changed,) = snapshots.deploy(target)
    assert changed.changed
    assert Client().list_snapshots(name=f"equals:{CANCER}-dev").total == 1, "the name moved on to the new one"


def test_what_has_local_changes_is_always_deployed_anew(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    dirty = CLEAN.model_copy(update={"git_dirty": True})
    monkeypatch.setattr(journal, "collect", lambda _: dirty)
    assert [row.changed for _ in range(2) for row in snapshots.deploy(ground.target("dev"))] == [True, True]


def test_the_command_deploys_every_team_and_says_what_it_did(
    ground: Ground, checkout: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from governance.cli.deployment import deploy

    deploy("production", None, None, ground.settings, as_json=True, dry_run=True)
    told = json.loads(capsys.readouterr().out)
    assert {row["snapshot"] for row in told} == {
        f"{model}-production" for team in ground.platform.teams.values() for model in team.models
    }
    deploy("dev", CANCER, None, ground.settings, as_json=False, dry_run=True)
    assert f"{CANCER}-dev: training_pipeline" in capsys.readouterr().out
    with pytest.raises(SettingsError, match="no environment 'prod'"):
        deploy("prod", None, None, ground.settings)


def test_nothing_is_deployed_to_a_stack_that_is_not_there(ground: Ground, checkout: None) -> None:
    from zenml.client import Client

    target = ground.target("dev")
    Client().update_stack(target.stack, name="elsewhere")
    try:
        with pytest.raises(StackMissingError, match="make register"):
            snapshots.deploy(target)
    finally:
        Client().update_stack("elsewhere", name=target.stack)
