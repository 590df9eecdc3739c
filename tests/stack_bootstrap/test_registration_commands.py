"""The command line of registration, on what Terraform really applied."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stack_bootstrap.__main__ import main
from tests.conftest import edit_yaml
from tests.stack_bootstrap.local_cloud import apply_copied, bootstrap, local_workspace

STACKS = {"local-dev", "local-oncology-dev", "local-diabetes-care-dev"}


class Result(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(
    settings_directory: Path, zenml_store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """The command line in this process."""
    monkeypatch.setenv("GROUNDWORK_ENVIRONMENTS", str(settings_directory))

    def call(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["stack_bootstrap", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capfd.readouterr()
        return Result(int(ended.value.code or 0), captured.out, captured.err)

    handler = signal.getsignal(signal.SIGTERM)
    yield call
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def applied(run: Run, settings_directory: Path) -> Run:
    """The command line, with dev applied."""
    apply_copied(local_workspace(settings_directory))
    return run


def test_register_then_diff_then_verify_then_unregister(applied: Run) -> None:
    before = applied("diff", "--env", "dev")
    assert before.status == 2
    assert "create    stack local-oncology-dev" in before.out
    assert before.out.endswith("15 to create, 0 unchanged.\n")

    assert applied("register", "--env", "dev", "--dry-run") == before._replace(status=0)
    first = applied("register", "--env", "dev")
    assert (first.status, first.err) == (0, "")
    assert first.out == before.out.replace("to create", "created")
    assert applied("register", "--env", "dev") == Result(0, "15 unchanged.\n", "")
    assert applied("diff", "--env", "dev") == Result(0, "15 unchanged.\n", "")
    assert applied("verify", "--env", "dev") == Result(0, "21 checks, 0 failed.\n", "")

    dry = applied("unregister", "--env", "dev", "--team", "oncology", "--dry-run")
    assert dry.out.endswith("5 to delete, 0 unchanged.\n")
    gone = applied("unregister", "--env", "dev", "--team", "oncology")
    assert (gone.status, gone.out) == (0, dry.out.replace("to delete", "deleted"))
    assert applied("diff", "--env", "dev", "--team", "platform").status == 0
    assert applied("diff", "--env", "dev", "--team", "oncology").status == 2


def test_a_project_for_each_team_is_shown_as_missing_and_made_once(applied: Run, settings_directory: Path) -> None:
    applied("register", "--env", "dev")
    edit_yaml(settings_directory / "platform.yaml", lambda raw: raw.update(projects="per-team"))
    made = "".join(f"create    project {name}\n" for name in ("platform-shared", "diabetes-care", "oncology"))
    lacking = Result(2, f"{made}15 unchanged.\n", "")
    assert applied("diff", "--env", "dev") == lacking
    shown = json.loads(applied("diff", "--env", "dev", "--team", "oncology", "--json").out)
    assert (shown["differs"], shown["projects"]) == (True, ["platform-shared", "oncology"])
    assert applied("register", "--env", "dev", "--dry-run") == lacking._replace(status=0)
    assert applied("register", "--env", "dev") == lacking._replace(status=0)
    assert applied("register", "--env", "dev") == Result(0, "15 unchanged.\n", "")
    assert applied("diff", "--env", "dev").status == 0


def test_drift_in_zenml_is_shown_field_by_field(applied: Run) -> None:
    from zenml.client import Client

    applied("register", "--env", "dev")
    Client().update_stack("local-dev", labels={"cost_center": "elsewhere"})
    shown = applied("diff", "--env", "dev")
    assert shown.status == 2
    assert "update    stack local-dev\n            labels.cost_center: elsewhere -> ml-platform\n" in shown.out
    changed = json.loads(applied("diff", "--env", "dev", "--json").out)
    assert changed["differs"]
    assert [change for change in changed["changes"] if change["action"] != "unchanged"] == [
        {
            "kind": "stack",
            "type": None,
            "name": "local-dev",
            "action": "update",
            "differences": [{"path": "labels.cost_center", "before": "elsewhere", "after": "ml-platform"}],
        }
    ]


def test_a_team_that_left_is_an_orphan_until_it_is_pruned(applied: Run, settings_directory: Path) -> None:
    applied("register", "--env", "dev")
    edit_yaml(settings_directory / "teams" / "oncology.yaml", lambda raw: raw["environments"].pop("dev"))
    assert applied("apply", "--env", "dev").status == 0

    left = applied("register", "--env", "dev")
    assert left.status == 0
    assert "orphan    stack local-oncology-dev" in left.out
    assert applied("diff", "--env", "dev").status == 2
    assert len(json.loads(applied("register", "--env", "dev", "--json").out)["orphans"]) == 5

    pruned = applied("register", "--env", "dev", "--prune")
    assert "delete    stack local-oncology-dev" in pruned.out
    assert pruned.out.endswith("5 deleted, 10 unchanged.\n")
    assert applied("diff", "--env", "dev").status == 0


def test_a_protected_environment_is_pruned_and_unregistered_only_by_name(
    applied: Run, settings_directory: Path
) -> None:
    applied("register", "--env", "dev")
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw.update(protected=True))
    for command in (["register", "--env", "dev", "--prune"], ["unregister", "--env", "dev"]):
        refused = applied(*command)
        assert refused.status == 1
        assert refused.err.startswith("environment dev: is protected;")
        assert applied(*command, "--confirm", "dev").status == 0
    assert applied("diff", "--env", "dev").out.endswith("15 to create, 0 unchanged.\n")


def test_verify_fails_and_names_what_does_not_work(applied: Run) -> None:
    failed = applied("verify", "--env", "dev")
    assert failed.status == 1
    assert "stack local-oncology-dev: is not registered; run register\n" in failed.err
    assert failed.out == "15 checks, 15 failed.\n"
    checks = json.loads(applied("verify", "--env", "dev", "--json").out)
    assert {check["name"] for check in checks if check["problem"]} == STACKS


def test_an_error_of_zenml_is_a_failure_that_names_the_object(applied: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from zenml.client import Client

    def refuse(*arguments: Any, **keywords: Any) -> None:
        raise RuntimeError("the server says no")

    with monkeypatch.context() as patch:
        patch.setattr(Client, "create_stack", refuse)
        failed = applied("register", "--env", "dev")
    assert failed.status == 1
    assert failed.err == "stack local-diabetes-care-dev: the server says no\n"
    assert applied("register", "--env", "dev").status == 0
    assert applied("verify", "--env", "dev").status == 0


def test_an_unknown_team_is_refused(applied: Run) -> None:
    refused = applied("register", "--env", "dev", "--team", "oncolgy")
    assert refused.status == 1
    assert refused.err == ("dev has no stack for the team 'oncolgy'; it has: diabetes-care, oncology, platform.\n")


def test_an_environment_that_was_not_applied_is_refused(run: Run) -> None:
    refused = run("register", "--env", "staging")
    assert refused.status == 1
    assert "staging on local has not been applied" in refused.err


def test_a_process_of_its_own_says_only_what_is_ours(settings_directory: Path, zenml_store: Path) -> None:
    apply_copied(local_workspace(settings_directory))
    done = bootstrap(
        "register", "--env", "dev", settings=settings_directory,
        variables={"ZENML_LOGGING_VERBOSITY": "INFO", "ZENML_CONFIG_PATH": str(zenml_store / "new")},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 16
    assert all(line.startswith("create    ") for line in done.stdout.splitlines()[:-1])
