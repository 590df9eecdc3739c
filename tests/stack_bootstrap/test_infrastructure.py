"""Plan, apply, destroy and drift on the local cloud: what is made, what is refused, and that no data is lost."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from environments import load_platform, names_for
from stack_bootstrap.clouds.local.adapter import LocalAdapter
from stack_bootstrap.infrastructure import (
    InfrastructureError,
    NotAppliedError,
    PlanFileError,
    ProtectedEnvironmentError,
    apply,
    destroy,
    drift,
    plan,
    read_stacks,
)
from stack_bootstrap.local_state import MARKER, repair_state, vanished_folders
from stack_bootstrap.plans import read_changes, review_file
from stack_bootstrap.terraform import GuardRefusedError, Terraform
from stack_bootstrap.workspace import Workspace
from tests.conftest import edit_yaml
from tests.stack_bootstrap.local_cloud import KINDS, apply_copied, folder, local_workspace, marked_folders, state_held

TEAMS = ("diabetes-care", "oncology", "platform")


@pytest.fixture
def dev(settings_directory: Path) -> Workspace:
    return local_workspace(settings_directory)


@pytest.fixture
def production(settings_directory: Path) -> Workspace:
    return local_workspace(settings_directory, "production")


def test_apply_makes_every_folder_of_every_team_and_a_second_one_changes_nothing(dev: Workspace) -> None:
    first = apply(dev)
    assert len(first.changes.add) == len(TEAMS) * len(KINDS) + 1
    assert marked_folders(dev) == {f"{team}/{kind}" for team in TEAMS for kind in KINDS}
    second = apply(dev)
    assert str(second.changes) == "no changes"
    assert second.stacks == first.stacks


def test_stacks_are_named_and_placed_as_the_settings_say(dev: Workspace, settings_directory: Path) -> None:
    stacks = apply(dev).stacks
    platform = load_platform(settings_directory)
    assert tuple(stacks) == TEAMS
    for team, contract in stacks.items():
        names = names_for(team, "dev", "local", platform.environments["dev"].prefix)
        assert contract.stack.name == names.stack
        assert dev.ground is not None
        home = dev.ground / "environments" / names.folder
        assert contract.components["artifact_store"].configuration == {"path": str(home / "artifacts")}
        tracking = {"tracking_uri": f"sqlite:///{home / 'mlflow'}/mlflow.db"}
        assert contract.components["experiment_tracker"].configuration == tracking
        assert not contract.secrets
        assert not contract.connectors
        assert not contract.simulated
        labels = {"environment": "dev", "team": team, "managed_by": "terraform", "zenml_stack": names.stack}
        assert labels.items() <= contract.stack.labels.items()
        assert contract.stack.labels["data_class"] == "internal"


def test_cost_is_the_teams_own_and_the_platforms_is_the_environments(dev: Workspace, settings_directory: Path) -> None:
    stacks = apply(dev).stacks
    platform = load_platform(settings_directory)
    team = platform.teams["oncology"]
    assert stacks["oncology"].cost.budget == team.environments["dev"].budget
    assert stacks["oncology"].cost.filters == {"environment": "dev", "team": "oncology"}
    assert stacks["oncology"].stack.labels["cost_center"] == team.cost_center
    budget = platform.environments["dev"].budget
    assert (stacks["platform"].cost.budget, stacks["platform"].cost.currency) == (budget.amount, budget.currency)
    assert stacks["platform"].stack.labels["cost_center"] == platform.environments["dev"].labels["cost_center"]


def test_contracts_are_read_back_and_an_environment_that_was_not_applied_says_so(
    dev: Workspace, settings_directory: Path
) -> None:
    applied = apply(dev)
    platform = load_platform(settings_directory)
    assert read_stacks(platform, "dev") == applied.stacks
    with pytest.raises(NotAppliedError, match="make apply ENV=staging CLOUD=local"):
        read_stacks(platform, "staging")


def add_team(settings: Path, name: str, model: str) -> None:
    text = (settings / "teams" / "oncology.yaml").read_text(encoding="utf-8")
    text = text.replace("breast_cancer_classifier", model).replace("oncology", name)
    (settings / "teams" / f"{name}.yaml").write_text(text, encoding="utf-8")
    edit_yaml(settings / "platform.yaml", lambda raw: raw["cost_centers"].update({f"cc-{name}": name}))


def test_a_new_team_adds_and_touches_nothing_else(production: Workspace, settings_directory: Path) -> None:
    apply_copied(production)
    add_team(settings_directory, "fraud", "fraud_classifier")
    changes = plan(local_workspace(settings_directory, "production")).changes
    assert len(changes.add) == len(KINDS)
    assert all('["fraud"]' in address for address in changes.add)
    assert not (changes.change or changes.replace or changes.delete)


def test_a_team_without_this_environment_has_nothing_here(dev: Workspace, settings_directory: Path) -> None:
    edit_yaml(settings_directory / "teams" / "oncology.yaml", lambda team: team["environments"].pop("dev"))
    assert "oncology" not in apply(dev).stacks
    assert not folder(dev, "oncology", "data").exists()


def test_removing_a_team_in_production_is_refused_unless_it_is_meant(
    production: Workspace, settings_directory: Path
) -> None:
    apply_copied(production)
    kept = folder(production, "oncology", "artifacts") / "model"
    kept.write_text("weights", encoding="utf-8")
    (settings_directory / "teams" / "oncology.yaml").unlink()
    edit_yaml(settings_directory / "production.yaml", lambda raw: raw.pop("model_thresholds"))
    with pytest.raises(ProtectedEnvironmentError, match="--allow-delete") as raised:
        apply(production)
    assert str(raised.value).count('team_folders["oncology"]') == len(KINDS)
    assert kept.read_text(encoding="utf-8") == "weights"

    assert len(apply(production, allow_delete=True).changes.delete) == len(KINDS)
    assert not folder(production, "oncology", "artifacts").parent.exists()
    assert len(marked_folders(production)) == 2 * len(KINDS)


def test_removing_a_team_in_dev_needs_no_leave(dev: Workspace, settings_directory: Path) -> None:
    apply_copied(dev)
    (settings_directory / "teams" / "oncology.yaml").unlink()
    assert len(apply(dev).changes.delete) == len(KINDS)
    assert not folder(dev, "oncology", "artifacts").parent.exists()


@pytest.mark.parametrize("environment", ["dev", "production"])
def test_a_folder_that_vanished_is_drift_and_apply_heals_it_also_where_it_is_protected(
    environment: str, settings_directory: Path
) -> None:
    where = local_workspace(settings_directory, environment)
    apply_copied(where)
    assert not drift(where).differs
    kept = folder(where, "oncology", "artifacts") / "model"
    kept.write_text("weights", encoding="utf-8")
    shutil.rmtree(folder(where, "oncology", "mlflow"))

    found = drift(where)
    assert found.differs
    assert found.changes.heal == ('module.team_folders["oncology"].terraform_data.folder["mlflow"]',)
    assert not found.changes.destructive
    assert not found.plan_file.exists()

    assert apply(where).changes.heal == found.changes.heal
    assert (folder(where, "oncology", "mlflow") / MARKER).is_file()
    assert kept.read_text(encoding="utf-8") == "weights"
    assert not drift(where).differs


def test_healing_a_lost_marker_keeps_what_the_folder_holds(production: Workspace) -> None:
    apply_copied(production)
    kept = folder(production, "oncology", "data") / "patients.parquet"
    kept.write_bytes(b"rows")
    (folder(production, "oncology", "data") / MARKER).unlink()
    assert drift(production).differs
    assert len(apply(production).changes.heal) == 1
    assert kept.read_bytes() == b"rows"
    assert not drift(production).differs


def test_a_folder_that_was_never_finished_is_healed_and_keeps_what_it_holds(production: Workspace) -> None:
    apply_copied(production)
    kept = folder(production, "oncology", "data") / "rows"
    kept.write_text("x", encoding="utf-8")
    address = 'module.team_folders["oncology"].terraform_data.folder["data"]'
    assert Terraform(production).run_by_hand(["taint", address]) == 0
    assert apply(production).changes.heal == (address,)
    assert kept.exists()
    assert not drift(production).differs


def test_a_whole_team_that_vanished_comes_back(dev: Workspace) -> None:
    apply_copied(dev)
    shutil.rmtree(folder(dev, "oncology", "data").parent)
    assert len(apply(dev).changes.heal) == len(KINDS)
    assert len(marked_folders(dev)) == len(TEAMS) * len(KINDS)


def test_a_team_whose_folders_vanished_can_still_be_removed(dev: Workspace, settings_directory: Path) -> None:
    apply_copied(dev)
    shutil.rmtree(folder(dev, "oncology", "data").parent)
    (settings_directory / "teams" / "oncology.yaml").unlink()
    assert len(apply(dev).changes.delete) == len(KINDS)
    assert not drift(dev).differs


def test_destroying_dev_removes_its_folders_and_nothing_else(dev: Workspace, settings_directory: Path) -> None:
    apply_copied(dev)
    staging = local_workspace(settings_directory, "staging")
    apply(staging)
    assert dev.ground is not None
    own = dev.ground / "environments" / "dev" / "oncology" / "notes.txt"
    own.write_text("the user's own", encoding="utf-8")

    assert len(destroy(dev).changes.delete) == len(TEAMS) * len(KINDS) + 1
    assert marked_folders(dev) == set()
    assert own.read_text(encoding="utf-8") == "the user's own"
    assert not (dev.ground / "environments" / "dev" / "platform").exists()
    assert len(marked_folders(staging)) == len(TEAMS) * len(KINDS)
    assert not destroy(dev).differs
    assert apply(dev).stacks


def test_destroy_leaves_a_folder_that_lost_its_marker(dev: Workspace) -> None:
    apply_copied(dev)
    (folder(dev, "oncology", "data") / "own").write_text("x", encoding="utf-8")
    (folder(dev, "oncology", "data") / MARKER).unlink()
    destroy(dev)
    assert (folder(dev, "oncology", "data") / "own").exists()


def test_destroy_does_not_follow_a_link(dev: Workspace, tmp_path: Path) -> None:
    apply_copied(dev)
    elsewhere = tmp_path / "big-disk"
    shutil.move(folder(dev, "oncology", "data"), elsewhere)
    folder(dev, "oncology", "data").symlink_to(elsewhere)
    (elsewhere / "rows").write_text("x", encoding="utf-8")
    assert not drift(dev).differs
    destroy(dev)
    assert (elsewhere / "rows").exists()
    assert not folder(dev, "oncology", "data").is_symlink()


def test_a_dry_run_of_destroy_destroys_nothing(production: Workspace) -> None:
    apply_copied(production)
    assert len(destroy(production, dry_run=True).changes.delete) == len(TEAMS) * len(KINDS) + 1
    assert len(marked_folders(production)) == len(TEAMS) * len(KINDS)


def test_production_is_destroyed_only_by_name(production: Workspace) -> None:
    apply_copied(production)
    with pytest.raises(ProtectedEnvironmentError, match="--confirm production"):
        destroy(production)
    with pytest.raises(InfrastructureError, match="does not name"):
        destroy(production, confirm="prod")
    edited = dataclasses.replace(production, protected=False)  # in the file, and not applied
    with pytest.raises(ProtectedEnvironmentError, match="--confirm production"):
        destroy(edited)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalAdapter, "keeps_protected", True)  # as clouds do
        with pytest.raises(ProtectedEnvironmentError, match=r"protected: false in production\.yaml, apply that"):
            destroy(edited, confirm="production")
    assert len(marked_folders(production)) == len(TEAMS) * len(KINDS)
    destroy(production, confirm="production")
    assert marked_folders(production) == set()


def test_destroying_with_settings_of_another_environment_is_refused_by_the_guard(dev: Workspace) -> None:
    apply_copied(dev)
    mixed_up = dataclasses.replace(dev, environment="staging")
    with pytest.raises(GuardRefusedError, match="Destroying 'dev' must be confirmed by its name"):
        destroy(mixed_up)
    assert len(marked_folders(dev)) == len(TEAMS) * len(KINDS)


def test_a_reviewed_plan_is_applied_as_it_is(dev: Workspace, tmp_path: Path) -> None:
    reviewed = tmp_path / "reviewed.tfplan"
    planned = plan(dev, plan_file=reviewed)
    assert json.loads(review_file(reviewed).read_text(encoding="utf-8"))["changes"]["add"] == list(planned.changes.add)
    assert apply(dev, plan_file=reviewed).changes == planned.changes
    assert reviewed.exists()
    assert not drift(dev).differs


def alter_settings(where: Workspace, plan_file: Path) -> None:
    edit_yaml(where.settings / "dev.yaml", lambda raw: raw["budget"].update(amount=1))


def alter_plan(where: Workspace, plan_file: Path) -> None:
    plan_file.write_bytes(plan_file.read_bytes() + b" ")


def lose_review(where: Workspace, plan_file: Path) -> None:
    review_file(plan_file).unlink()


def garble_review(where: Workspace, plan_file: Path) -> None:
    review_file(plan_file).write_text('{"changes": []}', encoding="utf-8")


def lose_plan(where: Workspace, plan_file: Path) -> None:
    plan_file.unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (alter_settings, "The settings of dev .* have changed"),
        (alter_plan, "is not the plan that"),
        (lose_review, "plan.json does not exist"),
        (garble_review, "is no review of a plan"),
        (lose_plan, "plan.tfplan does not exist"),
    ],
)
def test_a_plan_that_was_not_reviewed_like_this_is_refused(
    spoil: Callable[[Workspace, Path], None], says: str, dev: Workspace
) -> None:
    plan(dev)
    spoil(dev, dev.plan_file)
    with pytest.raises(PlanFileError, match=says):
        apply(dev, plan_file=dev.plan_file)
    assert marked_folders(dev) == set()


def test_other_environments_settings_do_not_spoil_a_reviewed_plan(dev: Workspace) -> None:
    plan(dev)
    edit_yaml(dev.settings / "production.yaml", lambda raw: raw["budget"].update(amount=1))
    assert apply(dev, plan_file=dev.plan_file).changes.add


def test_a_plan_of_another_environment_is_refused(dev: Workspace, production: Workspace) -> None:
    plan(dev)
    with pytest.raises(PlanFileError, match="a plan for dev on local, not for production on local"):
        apply(production, plan_file=dev.plan_file)
    assert marked_folders(dev) == marked_folders(production) == set()


def test_a_reviewed_plan_that_deletes_in_production_needs_leave_whatever_its_review_says(
    production: Workspace, settings_directory: Path
) -> None:
    apply_copied(production)
    (settings_directory / "teams" / "diabetes-care.yaml").unlink()
    plan(production)
    review = json.loads(review_file(production.plan_file).read_text(encoding="utf-8"))
    review["changes"].update(heal=review["changes"]["delete"], delete=[])
    review_file(production.plan_file).write_text(json.dumps(review), encoding="utf-8")
    with pytest.raises(ProtectedEnvironmentError):
        apply(production, plan_file=production.plan_file)
    assert len(marked_folders(production)) == len(TEAMS) * len(KINDS)


def test_a_plan_that_would_heal_a_folder_that_has_come_back_is_refused(dev: Workspace, tmp_path: Path) -> None:
    apply_copied(dev)
    data, backup = folder(dev, "oncology", "data"), tmp_path / "backup"
    (data / "rows").write_text("x", encoding="utf-8")
    shutil.move(data, backup)
    plan(dev)
    shutil.move(backup, data)
    with pytest.raises(PlanFileError, match="is there again"):
        apply(dev, plan_file=dev.plan_file)
    assert (data / "rows").exists()


def test_a_state_that_was_cut_off_goes_back_to_its_backup(dev: Workspace, settings_directory: Path) -> None:
    apply_copied(dev)
    add_team(settings_directory, "fraud", "fraud_classifier")
    apply(dev)
    kept = folder(dev, "oncology", "data") / "rows"
    kept.write_text("x", encoding="utf-8")
    assert dev.state_file is not None
    dev.state_file.write_text(dev.state_file.read_text(encoding="utf-8")[:500], encoding="utf-8")

    healed = apply(dev)
    assert "was cut off" in healed.notes[0]
    assert len(healed.changes.add) == len(KINDS), "the backup knows all but the last team"
    assert dev.state_file.with_suffix(".damaged").exists()
    assert len(marked_folders(dev)) == 4 * len(KINDS)
    assert kept.exists()
    assert not drift(dev).differs


def test_a_state_that_was_cut_off_before_there_was_a_backup_starts_anew(dev: Workspace) -> None:
    apply_copied(dev)
    assert dev.state_file is not None
    dev.state_file.with_name("terraform.tfstate.backup").unlink(missing_ok=True)
    dev.state_file.write_text('{"version": 4, "ter', encoding="utf-8")
    kept = folder(dev, "oncology", "data") / "rows"
    kept.write_text("x", encoding="utf-8")
    healed = apply(dev)
    assert "starts anew" in healed.notes[0]
    assert len(healed.changes.add) == len(TEAMS) * len(KINDS) + 1
    assert kept.exists()


def test_a_state_that_terraform_is_writing_is_not_taken_for_damaged(dev: Workspace) -> None:
    apply_copied(dev)
    assert dev.state_file is not None
    dev.state_file.write_text("{", encoding="utf-8")
    with state_held(dev.state_file):
        assert repair_state(dev.state_file) is None
        assert vanished_folders(dev.state_file, dev.settings.parent / "ground") == ()
    assert repair_state(dev.state_file)


def test_a_folder_that_another_run_heals_while_we_wait_keeps_what_it_holds(
    dev: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_copied(dev)
    data = folder(dev, "oncology", "data")
    (data / "rows").write_text("x", encoding="utf-8")
    (data / MARKER).unlink()
    run_plan = Terraform.plan

    def healed_meanwhile(self: Terraform, plan_file: Path, **options: Any) -> bool:
        if not (data / MARKER).exists():
            monkeypatch.setattr(Terraform, "plan", run_plan)
            apply(dev)
        return run_plan(self, plan_file, **options)

    monkeypatch.setattr(Terraform, "plan", healed_meanwhile)
    assert not apply(dev).changes.heal
    assert (data / "rows").exists()


def moved_ground(settings: Path, where: Workspace, move: Callable[[Path, Path], object]) -> tuple[Workspace, Path]:
    assert where.ground is not None
    target = where.ground.with_name("elsewhere")
    move(where.ground, target)
    edit_yaml(settings / "dev.yaml", lambda raw: raw["local"].update(root=str(target)))
    return local_workspace(settings), target


def test_a_copied_checkout_never_deletes_the_folders_of_the_first(dev: Workspace, settings_directory: Path) -> None:
    apply_copied(dev)
    (folder(dev, "oncology", "data") / "rows").write_text("x", encoding="utf-8")
    copy, _ = moved_ground(settings_directory, dev, shutil.copytree)
    for act in (plan, apply, drift, destroy):
        with pytest.raises(InfrastructureError, match="was copied from there"):
            act(copy)  # type: ignore[operator]
    assert (folder(dev, "oncology", "data") / "rows").exists()


def test_a_moved_checkout_takes_its_data_along(dev: Workspace, settings_directory: Path) -> None:
    apply_copied(dev)
    (folder(dev, "oncology", "data") / "rows").write_text("x", encoding="utf-8")
    here, target = moved_ground(settings_directory, dev, shutil.move)
    moved = apply(here)
    assert not moved.changes.destructive
    assert (target / "environments/dev/oncology/data/rows").exists()
    assert str(target) in str(moved.stacks["oncology"].components["artifact_store"].configuration["path"])
    assert not drift(here).differs


def test_a_path_with_blanks_and_quotes_is_no_shell(settings_directory: Path, tmp_path: Path) -> None:
    ground = tmp_path / 'it\'s $(touch pwned) "quoted" `ground`'
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw["local"].update(root=str(ground)))
    where = local_workspace(settings_directory)
    apply(where)
    assert len(marked_folders(where)) == len(TEAMS) * len(KINDS)
    destroy(where)
    assert marked_folders(where) == set()
    assert not list(tmp_path.rglob("pwned"))


def test_every_kind_of_change_in_a_plan_is_counted() -> None:
    def change(address: str, *actions: str, **more: object) -> dict[str, object]:
        return {"address": address, "change": {"actions": list(actions)}, **more}

    changes = read_changes(
        {
            "resource_changes": [
                change("a", "create"),
                change("b", "update"),
                change("c", "delete", "create"),
                change("d", "create", "delete"),
                change("e", "delete"),
                change("f", "delete", "create"),
                change("g", "no-op"),
                change("h", "no-op", previous_address="old"),
                change("i", "read"),
                change("j", "forget"),
            ],
            "output_changes": {"stacks": {"actions": ["update"]}, "same": {"actions": ["no-op"]}},
        },
        vanished=["f"],
    )
    assert (changes.add, changes.change, changes.replace) == (("a",), ("b", "h", "j"), ("c", "d"))
    assert (changes.delete, changes.heal, changes.outputs) == (("e",), ("f",), ("stacks",))
    assert set(changes.destructive) == {"c", "d", "e"}
    assert str(changes) == "1 to add, 3 to change, 2 to replace, 1 to delete, 1 to heal"


def test_a_plan_that_changes_only_outputs_says_so(dev: Workspace, settings_directory: Path) -> None:
    apply_copied(dev)
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw["budget"].update(amount=7))
    changed = apply(dev)
    assert str(changed.changes) == "only outputs change (stacks)"
    assert changed.stacks["platform"].cost.budget == 7
