"""The adapter around Terraform: no silent switch of state, typed errors, plans applied exactly, nothing leaked."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import subprocess
from pathlib import Path

import pytest

from stack_bootstrap.install_terraform import find_terraform, terraform_platform
from stack_bootstrap.terraform import GuardRefusedError, StalePlanError, StateLockedError, Terraform, TerraformError
from stack_bootstrap.workspace import Workspace, WorkspaceError, workspace
from tests.stack_bootstrap.local_cloud import apply_copied, folder, local_workspace, state_held


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said of mirrors here is said without one of the machine's."""
    monkeypatch.delenv("TF_PLUGIN_MIRROR", raising=False)


@pytest.fixture
def dev(settings_directory: Path) -> Workspace:
    return local_workspace(settings_directory)


def with_root(where: Workspace, root: Path, text: str) -> Workspace:
    """``where`` with a root of its own, which declares what every root is told."""
    root.mkdir(exist_ok=True)
    declared = "\n".join(f'variable "{name}" {{}}' for name in where.variables)
    (root / "main.tf").write_text(f'terraform {{\n  backend "local" {{}}\n}}\n{declared}\n{text}', encoding="utf-8")
    return dataclasses.replace(where, root=root)


def planned(where: Workspace) -> bool:
    return Terraform(where).plan(where.plan_file)


def applied(where: Workspace, stream: io.StringIO | None = None) -> None:
    terraform = Terraform(where, stream=stream)
    terraform.plan(where.plan_file)
    terraform.apply(where.plan_file)


def test_init_runs_once(dev: Workspace) -> None:
    assert Terraform(dev).init()
    assert not Terraform(dev).init()


def test_init_runs_again_when_the_root_changes(dev: Workspace, tmp_path: Path) -> None:
    where = with_root(dev, tmp_path / "root", "")
    assert Terraform(where).init()
    (where.root / "more.tf").write_text('output "more" {\n  value = 1\n}\n', encoding="utf-8")
    assert Terraform(where).init()


def test_init_runs_again_when_a_module_it_uses_changes(dev: Workspace, tmp_path: Path) -> None:
    module = tmp_path / "thing"
    module.mkdir()
    (module / "main.tf").write_text('resource "terraform_data" "thing" {}\n', encoding="utf-8")
    where = with_root(dev, tmp_path / "root", 'module "thing" {\n  source = "../thing"\n}\n')
    assert Terraform(where).init()
    assert not Terraform(where).init()
    (module / "main.tf").write_text('resource "terraform_data" "other" {}\n', encoding="utf-8")
    assert Terraform(where).init()


def test_init_runs_again_with_another_terraform(dev: Workspace) -> None:
    Terraform(dev).init()
    other = dataclasses.replace(find_terraform(), version="1.12.0")
    assert Terraform(dev, installation=other).init()


def test_a_second_init_by_hand_does_not_switch_to_an_empty_state(dev: Workspace, tmp_path: Path) -> None:
    apply_copied(dev)
    elsewhere = f"-backend-config=path={tmp_path / 'elsewhere.tfstate'}"
    by_hand = {**os.environ, "TF_DATA_DIR": str(dev.data)}
    subprocess.run(["terraform", "init", "-reconfigure", elsewhere], cwd=dev.root, env=by_hand, check=True)
    assert not planned(dev)


def test_a_terraform_workspace_of_the_users_does_not_switch_the_state(
    dev: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_copied(dev)
    monkeypatch.setenv("TF_WORKSPACE", "mine")
    assert not planned(dev)


def test_a_plan_says_whether_there_is_something_to_apply(dev: Workspace) -> None:
    assert planned(dev)
    Terraform(dev).apply(dev.plan_file)
    assert not planned(dev)


def test_apply_does_what_the_plan_says_and_not_what_the_code_says(dev: Workspace) -> None:
    apply_copied(dev)
    terraform = Terraform(dev)
    terraform.plan(dev.plan_file, destroy=True)
    terraform.apply(dev.plan_file, destroys="dev")
    assert not folder(dev, "oncology", "data").exists()


def test_init_recovers_from_one_that_was_killed(dev: Workspace) -> None:
    apply_copied(dev)
    (dev.home / "initialised").unlink()
    (dev.data / "modules" / "modules.json").write_text('{"Modu', encoding="utf-8")
    (dev.data / "terraform.tfstate").write_text('{"ver', encoding="utf-8")
    assert not planned(dev)


def test_init_runs_again_when_what_it_wrote_was_damaged(dev: Workspace) -> None:
    apply_copied(dev)
    (dev.data / "modules" / "modules.json").write_text('{"Modu', encoding="utf-8")
    assert not planned(dev)


def test_a_plan_that_the_state_has_left_behind_is_refused(dev: Workspace) -> None:
    terraform, early = Terraform(dev), dev.home / "early.tfplan"
    terraform.plan(early)
    applied(dev)
    with pytest.raises(StalePlanError, match="Saved plan is stale"):
        terraform.apply(early)


def test_plans_are_for_their_owner_only(dev: Workspace) -> None:
    planned(dev)
    assert dev.plan_file.stat().st_mode & 0o077 == 0
    assert dev.home.stat().st_mode & 0o077 == 0


def test_a_failed_command_raises_with_terraforms_own_message(dev: Workspace, tmp_path: Path) -> None:
    where = with_root(dev, tmp_path / "root", 'output "x" {\n  value = var.mispelt\n}\n')
    with pytest.raises(TerraformError) as raised:
        planned(where)
    assert raised.value.status == 1
    assert raised.value.command[1] in {"init", "plan"}
    assert 'An input variable with the name "mispelt" has not been declared.' in raised.value.text
    assert "│" not in raised.value.text
    assert "mispelt" in str(raised.value)
    assert "exit status 1" in str(raised.value)


def test_a_misspelt_command_is_terraforms_error_and_a_misspelt_method_is_pythons(dev: Workspace) -> None:
    terraform = Terraform(dev)
    with pytest.raises(TerraformError, match='Terraform has no command named "aply"') as raised:
        terraform._run("aply")
    assert type(raised.value) is TerraformError
    with pytest.raises(AttributeError):
        terraform.aply(dev.plan_file)  # type: ignore[attr-defined]


def test_python_terraform_runs_no_misspelt_method(dev: Workspace) -> None:
    from stack_bootstrap.terraform import _Process

    process = _Process(find_terraform().path, dev.root, os.environ, None)
    with pytest.raises(AttributeError, match="aply"):
        process.aply()


def test_a_failed_output_is_an_error_and_a_missing_one_is_none(dev: Workspace) -> None:
    assert Terraform(dev).output("stacks") is None
    assert dev.state_file is not None
    dev.state_file.write_text("{}", encoding="utf-8")
    with pytest.raises(TerraformError):
        Terraform(dev).output("stacks")


def test_a_held_lock_has_an_error_of_its_own(dev: Workspace) -> None:
    apply_copied(dev)
    assert dev.state_file is not None
    with state_held(dev.state_file), pytest.raises(StateLockedError, match="unlock"):
        Terraform(dev, lock_timeout=0).plan(dev.plan_file)
    assert not planned(dev)


def test_settings_of_another_environment_are_refused_by_the_guard(dev: Workspace) -> None:
    apply_copied(dev)
    assert dev.state_file is not None
    before = dev.state_file.read_bytes()
    mixed_up = dataclasses.replace(dev, variables={**dev.variables, "environment": "production"})
    with pytest.raises(GuardRefusedError, match="This state belongs to 'dev'"):
        planned(mixed_up)
    assert dev.state_file.read_bytes() == before


def test_destroying_by_hand_takes_the_environments_name(dev: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    apply_copied(dev)
    by_hand = ["destroy", "-auto-approve", f"-var-file={dev.home / 'variables.tfvars.json'}"]
    for named in ("", "production"):
        monkeypatch.setenv("GROUNDWORK_DESTROY", named)
        assert Terraform(dev).run_by_hand(by_hand) == 1
        assert folder(dev, "oncology", "data").is_dir()
    monkeypatch.setenv("GROUNDWORK_DESTROY", "dev")
    assert Terraform(dev).run_by_hand(by_hand) == 0
    assert not folder(dev, "oncology", "data").exists()


def test_sensitive_values_are_never_shown(dev: Workspace, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    secret = "hunter2-hunter2"
    where = with_root(
        dev,
        tmp_path / "root",
        f'locals {{\n  password = sensitive("{secret}")\n}}\n'
        'resource "terraform_data" "thing" {\n  input = local.password\n}\n'
        'output "password" {\n  value     = local.password\n  sensitive = true\n}\n'
        'output "stacks" {\n  value = {}\n}\n',
    )
    stream = io.StringIO()
    applied(where, stream)
    assert Terraform(where).output("stacks") == {}
    shown = stream.getvalue() + "".join(capfd.readouterr())
    assert "(sensitive value)" in shown
    assert secret not in shown


def test_output_reaches_a_real_file_while_terraform_runs(dev: Workspace, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w+", encoding="utf-8") as log:
        Terraform(dev, stream=log).plan(dev.plan_file)
        log.seek(0)
        shown = log.read()
    assert "Plan: 16 to add" in shown
    assert "\x1b[" not in shown


def test_warnings_are_passed_on_once(
    dev: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "missing"))
    applied(dev)
    assert capsys.readouterr().err.count("Unable to open CLI configuration file") == 1


def test_every_environment_has_its_own_data_and_state(settings_directory: Path) -> None:
    dev, staging = (local_workspace(settings_directory, name) for name in ("dev", "staging"))
    applied(dev)
    assert dev.data != staging.data
    assert dev.state_file != staging.state_file
    assert planned(staging)
    assert not planned(dev)


def fake_mirror(tmp_path: Path) -> Path:
    plugin = tmp_path / "mirror/example.com/acme/thing/1.2.3" / terraform_platform() / "terraform-provider-thing_v1.2.3"
    plugin.parent.mkdir(parents=True)
    plugin.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    plugin.chmod(0o755)
    return tmp_path / "mirror"


def test_providers_come_from_the_mirror_that_a_variable_names(
    settings_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(fake_mirror(tmp_path)))
    where = with_root(
        local_workspace(settings_directory),
        tmp_path / "root",
        'terraform {\n  required_providers {\n    thing = {\n      source = "example.com/acme/thing"\n    }\n  }\n}\n',
    )
    assert Terraform(where).init()
    assert (where.data / "providers" / "example.com" / "acme" / "thing" / "1.2.3").is_dir()
    assert not Terraform(where).init()


def test_without_a_mirror_the_users_configuration_is_left_alone(dev: Workspace) -> None:
    planned(dev)
    assert not (dev.home / "terraform.rc").exists()
    assert Terraform(dev)._environment()["TF_CLI_CONFIG_FILE"] == os.environ["TF_CLI_CONFIG_FILE"]


@pytest.mark.parametrize("what", ["missing", "empty"])
def test_a_mirror_that_is_none_is_refused(
    what: str, settings_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror"
    if what == "empty":
        mirror.mkdir()
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(mirror))
    with pytest.raises(WorkspaceError, match=str(mirror)):
        Terraform(local_workspace(settings_directory)).init()


def test_a_cloud_without_a_root_is_refused_by_name(
    settings_directory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from environments import load_platform

    monkeypatch.setattr("stack_bootstrap.workspace.ROOTS", tmp_path)
    with pytest.raises(WorkspaceError, match="CLOUD=local cannot be planned"):
        workspace(load_platform(settings_directory), "dev", "local")


def test_what_terraform_is_told_stands_in_a_file_for_whoever_works_by_hand(dev: Workspace) -> None:
    planned(dev)
    told = json.loads((dev.home / "variables.tfvars.json").read_text(encoding="utf-8"))
    assert told == dict(dev.variables)
    assert set(told) == {"environment", "ground", "settings"}
