"""The command line: exit status, messages, JSON, and what a plan imports."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_group

from stack_bootstrap import infrastructure
from stack_bootstrap.__main__ import COMMANDS, main
from stack_bootstrap.infrastructure import apply
from stack_bootstrap.lazy_commands import LazyCommands
from stack_bootstrap.plans import Changes
from tests.conftest import REPOSITORY, edit_yaml, remove_diabetes_care
from tests.stack_bootstrap.local_cloud import (
    apply_copied,
    bootstrap,
    folder,
    local_workspace,
    marked_folders,
    on_a_terminal,
)
from tests.stack_bootstrap.stack_contracts import changed, local_contract


class CommandLine:
    """``main`` with arguments, in this process."""

    def __init__(self, settings: Path, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.settings, self._capture, self._patch = settings, capture, patch
        self.out, self.error = "", ""

    def __call__(self, *arguments: str) -> int:
        self._patch.setattr(sys, "argv", ["stack_bootstrap", *arguments])
        self._patch.setenv("GROUNDWORK_ENVIRONMENTS", str(self.settings))
        with pytest.raises(SystemExit) as ended:
            main()
        self.out, self.error = self._capture.readouterr()
        return int(ended.value.code or 0)


@pytest.fixture
def run(
    settings_directory: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[CommandLine]:
    before = signal.getsignal(signal.SIGTERM)
    yield CommandLine(settings_directory, capfd, monkeypatch)
    signal.signal(signal.SIGTERM, before)


def test_plan_says_what_it_would_do_and_changes_nothing(run: CommandLine) -> None:
    assert run("plan", "--env", "dev") == 0
    assert "Plan: 16 to add" in run.out
    assert run.out.endswith("dev on local: 16 to add.\n")
    assert marked_folders(local_workspace(run.settings)) == set()
    assert run("plan", "--env", "dev", "--detailed-exitcode") == 2


def test_apply_takes_several_environments_or_all(run: CommandLine) -> None:
    assert run("apply", "--env", "staging", "--env", "dev") == 0
    assert run.out.index("dev on local: 16 to add.") < run.out.index("staging on local: 16 to add.")
    assert marked_folders(local_workspace(run.settings, "production")) == set()
    assert run("apply", "--env", "all") == 0
    assert "production on local: 16 to add." in run.out
    assert run("plan", "--env", "all", "--detailed-exitcode") == 0


def test_the_environment_comes_from_a_variable_too(run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENV", "staging")
    monkeypatch.setenv("CLOUD", "local")
    assert run("plan") == 0
    assert run.out.endswith("staging on local: 16 to add.\n")


def test_a_misspelt_environment_is_refused_before_anything_is_done(run: CommandLine) -> None:
    assert run("apply", "--env", "dev", "--env", "prod") == 1
    assert "There is no environment 'prod'" in run.error
    assert marked_folders(local_workspace(run.settings)) == set()


def test_a_typo_in_the_settings_names_file_and_key(run: CommandLine) -> None:
    edit_yaml(run.settings / "dev.yaml", lambda raw: raw.update(labells=raw.pop("labels")))
    assert run("plan", "--env", "staging") == 1
    assert f"{run.settings / 'dev.yaml'}:" in run.error
    assert "labells: unknown key; did you mean 'labels'?" in run.error


def test_terraforms_own_message_is_shown_and_the_status_is_one(run: CommandLine) -> None:
    where = local_workspace(run.settings)
    where.home.mkdir(parents=True)
    assert where.state_file is not None
    where.state_file.write_text('{"version": 99}', encoding="utf-8")
    assert run("plan", "--env", "dev") == 1
    assert "Unsupported state file format" in run.error


def test_a_wrong_option_does_not_read_as_drift(run: CommandLine) -> None:
    assert run("drift", "--environment", "dev") == 1
    assert "No such option" in run.error
    assert run("drift") == 1
    assert "--env" in run.error


def test_drift_is_two_then_apply_heals_it_to_none(run: CommandLine) -> None:
    assert run("drift", "--env", "dev") == 2
    assert run("apply", "--env", "dev") == 0
    assert run("drift", "--env", "dev") == 0
    assert "dev on local: 16 resources compared\ndev on local: no changes." in run.out
    shutil.rmtree(folder(local_workspace(run.settings), "oncology", "audit"))
    assert run("drift", "--env", "dev", "--json") == 2
    assert json.loads(run.out)[0]["heal"] == ['module.team_folders["oncology"].terraform_data.folder["audit"]']
    assert run("apply", "--env", "dev") == 0
    assert run("drift", "--env", "dev") == 0


def test_json_is_all_there_is_on_standard_output(run: CommandLine) -> None:
    assert run("plan", "--env", "dev", "--json") == 0
    assert len(json.loads(run.out)[0]["add"]) == 16
    assert "Plan: 16 to add" in run.error
    assert run("apply", "--env", "dev", "--json") == 0
    assert json.loads(run.out)[0]["stacks"]["oncology"] == "local-oncology-dev"
    assert run("output", "--env", "dev", "--json") == 0
    assert json.loads(run.out)["platform"]["stack"]["name"] == "local-dev"
    assert run("destroy", "--env", "dev", "--json", "--dry-run") == 0
    assert len(json.loads(run.out)["delete"]) == 16


def test_output_shows_each_stack(run: CommandLine) -> None:
    assert run("output", "--env", "dev") == 1
    assert "make apply ENV=dev" in run.error
    run("apply", "--env", "dev")
    assert run("output", "--env", "dev") == 0
    assert "local-oncology-dev\n  artifact_store: local (path=" in run.out
    assert "cost: 60 USD a month" in run.out


def test_output_never_shows_what_looks_like_a_secret(
    run: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = {"uri": "https://me:hunter2@host/x", "nested": [{"api_key": "hunter2"}], "Password": "hunter2"}
    kept = {"tracking_token": "{{local-dev-mlflow.value}}", "path": "/kept", "count": 3}
    connector = {
        "type": "aws",
        "auth_method": "m",
        "resource_type": "r",
        "configuration": {"aws_secret_access_key": "hunter2"},
    }

    def spoil(raw: dict[str, Any]) -> None:
        raw["components"]["experiment_tracker"]["configuration"] = {**secret, **kept}
        raw["connectors"] = {"c": connector}

    stacks = {"oncology": changed(local_contract(tmp_path), spoil)}
    monkeypatch.setattr(infrastructure, "read_stacks", lambda *_: stacks)
    for options in ((), ("--json",)):
        assert run("output", "--env", "dev", *options) == 0
        assert "hunter2" not in run.out + run.error
        for text in ("https://(hidden)@host/x", "{{local-dev-mlflow.value}}", "/kept"):
            assert text in run.out
    assert "hunter2" in stacks["oncology"].model_dump_json(), "what is registered is the contract itself"


@pytest.mark.parametrize(("answer", "options", "status"), [("n", (), 1), ("y", (), 0), (None, ("--yes",), 0)])
def test_on_a_terminal_a_protected_environment_is_changed_only_after_a_yes(
    answer: str | None, options: tuple[str, ...], status: int, settings_directory: Path
) -> None:
    ended, said = on_a_terminal(answer, "apply", "--env", "production", *options, settings=settings_directory)
    assert ended == status, said
    assert len(marked_folders(local_workspace(settings_directory, "production"))) == (0 if status else 15)
    assert ("Apply this?" in said) == (answer is not None)
    if answer is not None:
        assert "add: 16 terraform_data" in said
        assert len(said.splitlines()) < 10, "a summary, not all that Terraform puts out"
    if answer == "n":
        assert "production is as it was" in said
        ended, said = on_a_terminal(None, "apply", "--env", "dev", settings=settings_directory)
        assert (ended, "Apply this?" in said) == (0, False)


def test_code_is_validated_without_state_or_account(run: CommandLine) -> None:
    where = local_workspace(run.settings)
    where.home.mkdir(parents=True)
    assert where.state_file is not None
    where.state_file.write_text("no state at all", encoding="utf-8")
    assert run("validate", "--env", "dev") == 0
    assert run.out == "dev on local: the code is valid.\n"


def test_a_summary_counts_what_is_made_and_names_what_is_lost() -> None:
    gone = 'module.team["a.b"].aws_s3_bucket.it[0]'
    changes = Changes(add=('module.team["a.b"].aws_iam_role.one["x"]', "aws_iam_role.two"), delete=(gone,))
    assert changes.summary() == f"2 to add, 1 to delete.\n  add: 2 aws_iam_role\n  delete: {gone}"


def test_a_dry_run_of_apply_only_plans(run: CommandLine) -> None:
    assert run("apply", "--env", "dev", "--dry-run") == 0
    assert marked_folders(local_workspace(run.settings)) == set()
    assert run("apply", "--env", "dev", "--dry-run", "--plan-file", "x.tfplan") == 1


def test_a_plan_file_goes_from_plan_to_apply(run: CommandLine, tmp_path: Path) -> None:
    reviewed = str(tmp_path / "reviewed.tfplan")
    assert run("plan", "--env", "dev", "--plan-file", reviewed) == 0
    assert run("apply", "--env", "staging", "--plan-file", reviewed) == 1
    assert "a plan for dev on local" in run.error
    assert run("apply", "--env", "dev", "--plan-file", reviewed) == 0
    assert len(marked_folders(local_workspace(run.settings))) == 15
    for command in ("plan", "apply"):
        assert run(command, "--env", "all", "--plan-file", reviewed) == 1
        assert "--plan-file takes one environment" in run.error


def test_production_is_destroyed_only_by_name(run: CommandLine) -> None:
    where = local_workspace(run.settings, "production")
    apply_copied(where)
    assert run("destroy", "--env", "production") == 1
    assert "--confirm production" in run.error
    assert run("destroy", "--env", "production", "--confirm", "staging") == 1
    assert len(marked_folders(where)) == 15
    assert run("destroy", "--env", "production", "--confirm", "production") == 0
    assert marked_folders(where) == set()


def test_plan_warns_of_what_apply_will_refuse(run: CommandLine) -> None:
    apply_copied(local_workspace(run.settings, "production"))
    remove_diabetes_care(run.settings)
    assert run("plan", "--env", "production") == 0
    assert "production on local: 5 to delete" in run.out
    assert "apply will refuse this without --allow-delete" in run.out
    assert run("apply", "--env", "production") == 1
    assert run("apply", "--env", "production", "--allow-delete") == 0


def test_what_was_repaired_is_told(run: CommandLine) -> None:
    where = local_workspace(run.settings)
    apply_copied(where)
    assert where.state_file is not None
    where.state_file.write_text("{", encoding="utf-8")
    assert run("plan", "--env", "dev") == 0
    assert "terraform.tfstate was cut off" in run.out


def test_terraform_runs_here_or_in_an_environment(run: CommandLine) -> None:
    assert run("terraform") == 0
    assert run.out.startswith("Terraform 1.")
    apply(local_workspace(run.settings))
    assert run("terraform", "--env", "dev", "--", "state", "list") == 0
    assert "module.environment_guard.terraform_data.guard" in run.out
    assert run("terraform", "--", "fmt", "-check", "-recursive", str(REPOSITORY / "infra" / "roots" / "local")) == 0
    assert run("terraform", "--", "aply") == 1


def test_unlock_without_a_lock_is_terraforms_error(run: CommandLine) -> None:
    apply_copied(local_workspace(run.settings))
    assert run("unlock", "--env", "dev", "--lock-id", "no-such-lock") == 1
    assert "unlock" in run.error


def test_the_contracts_schema_is_up_to_date(run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stack_bootstrap import contract_schema

    assert run("schema") == 0
    assert run.out == "", "infra/schema/stacks.schema.json was stale: run make schema and commit it"
    monkeypatch.setattr(contract_schema, "FILE", tmp_path / "schema" / "stacks.schema.json")
    assert contract_schema.write()
    assert not contract_schema.write()


def test_plan_imports_nothing_heavy_and_no_other_command(settings_directory: Path) -> None:
    done = bootstrap("plan", "--env", "dev", settings=settings_directory, python=("-X", "importtime"))
    assert done.returncode == 0, done.stderr
    modules = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if "|" in line}
    imported = {module.split(".")[0] for module in modules}
    assert {"typer", "stack_bootstrap"} <= imported
    assert not imported & {"zenml", "mlflow", "sklearn", "pandas", "numpy", "boto3", "pyarrow", "jsonschema", "rich"}
    assert not modules & (COMMANDS.keys() - {"stack_bootstrap.infrastructure_commands"})


def test_every_command_of_every_module_can_be_asked_for() -> None:
    held = {module: tuple(get_group(import_module(module).app).commands) for module in COMMANDS}
    assert held == COMMANDS
    assert [command.name for command in LazyCommands(COMMANDS).values()] == list(LazyCommands(COMMANDS))
