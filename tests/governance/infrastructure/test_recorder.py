"""Every apply, destroy, register and unregister is in the log of its environment, once, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from environments import Platform, load_platform
from governance.audit import open_reader
from governance.audit.events import InfrastructureChange, Registration
from governance.cli.infrastructure import main
from governance.infrastructure import AuditRecorder, InfrastructureNotRecordedError
from stack_bootstrap import infrastructure, registration
from stack_bootstrap.recorders import attached
from stack_bootstrap.terraform import Terraform, TerraformError
from stack_bootstrap.workspace import Workspace, workspace
from tests.conftest import REPOSITORY, edit_yaml

STACKS = ["local-dev", "local-diabetes-care-dev", "local-oncology-dev"]


@pytest.fixture
def platform(settings_directory: Path) -> Platform:
    return load_platform(settings_directory)


@pytest.fixture
def dev(platform: Platform) -> Workspace:
    return workspace(platform, "dev", "local")


@pytest.fixture(autouse=True)
def _on_record() -> Iterator[None]:
    with attached(AuditRecorder()):
        yield


def changes(platform: Platform) -> list[InfrastructureChange]:
    events = [entry.event for entry in open_reader(platform, "dev", cloud="local").entries()]
    return [event for event in events if isinstance(event, InfrastructureChange)]


def summary(platform: Platform) -> list[tuple[str, str, int, int]]:
    return [(e.action, e.outcome, e.added, e.destroyed) for e in changes(platform)]


def waiting(dev: Workspace) -> list[Path]:
    return sorted((dev.home / "unrecorded").glob("*.json"))


@contextmanager
def key_gone(dev: Workspace) -> Iterator[None]:
    """The log cannot be written meanwhile."""
    assert dev.ground is not None
    key = dev.ground / "keys" / "audit-dev.pem"
    aside = key.rename(key.with_suffix(".aside"))
    yield
    aside.rename(key)


def test_each_apply_is_recorded_with_its_plan_and_so_is_destroying_in_a_log_that_survives(
    platform: Platform, dev: Workspace
) -> None:
    planned = infrastructure.plan(dev)
    infrastructure.apply(dev)
    infrastructure.apply(dev)
    infrastructure.drift(dev)
    infrastructure.destroy(dev, dry_run=True)
    infrastructure.destroy(dev)
    infrastructure.apply(dev)
    assert summary(platform) == [
        ("apply", "succeeded", 16, 0),
        ("apply", "succeeded", 0, 0),
        ("destroy", "succeeded", 0, 16),
        ("apply", "succeeded", 16, 0),
    ]
    first = changes(platform)[0]
    assert first.plan_digest == f"sha256:{planned.digest}"
    assert (first.environment, first.cloud, first.actor.source) == ("dev", "local", "operating-system")
    assert first.lock_digest
    assert open_reader(platform, "dev", cloud="local").verify().ok
    assert not waiting(dev)


def test_a_failed_apply_is_recorded_as_failed(
    platform: Platform, dev: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    infrastructure.apply(dev)
    edit_yaml(platform.directory / "teams" / "oncology.yaml", lambda team: team["environments"].pop("dev"))

    def fail(*_: object, **__: object) -> None:
        raise TerraformError("it broke", ["apply"], 1)

    with monkeypatch.context() as broken:
        broken.setattr(Terraform, "apply", fail)
        with pytest.raises(TerraformError, match="it broke"):
            infrastructure.apply(dev)
    assert summary(platform)[1:] == [("apply", "failed", 0, 5)]


def test_what_cannot_be_recorded_is_said_and_the_next_apply_records_it(platform: Platform, dev: Workspace) -> None:
    infrastructure.apply(dev)
    with key_gone(dev):
        with pytest.raises(
            InfrastructureNotRecordedError, match=r"was done, but it is not in the audit log(.|\n)*make apply ENV=dev"
        ):
            infrastructure.destroy(dev)
        (held,) = waiting(dev)
        assert held.stat().st_mode & 0o777 == 0o600
        assert len(summary(platform)) == 1
    infrastructure.apply(dev)
    assert [line[:2] for line in summary(platform)] == [
        ("apply", "succeeded"),
        ("destroy", "succeeded"),
        ("apply", "succeeded"),
    ]
    assert not waiting(dev)


def test_a_failure_that_cannot_be_recorded_says_both(
    platform: Platform, dev: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TerraformError("it broke", ["apply"], 1)

    with monkeypatch.context() as broken:
        broken.setattr(Terraform, "apply", fail)
        with pytest.raises(
            InfrastructureNotRecordedError, match=r"(?s)failed: .*it broke\n.*not in the audit log"
        ) as told:
            infrastructure.apply(dev)  # the first: there is no place for a log yet
        assert isinstance(told.value.__cause__, TerraformError)
    infrastructure.apply(dev)
    assert [line[:2] for line in summary(platform)] == [("apply", "failed"), ("apply", "succeeded")]


def test_an_apply_that_was_killed_is_recorded_by_the_next_one_as_not_well_ended(
    platform: Platform, dev: Workspace
) -> None:
    script = (
        "import os, sys; from pathlib import Path; from environments import load_platform\n"
        "from governance.infrastructure import AuditRecorder\n"
        "from stack_bootstrap.recorders import attached; from stack_bootstrap.infrastructure import apply\n"
        "from stack_bootstrap.terraform import Terraform; from stack_bootstrap.workspace import workspace\n"
        "Terraform.apply = lambda *a, **k: os._exit(9)\n"
        "with attached(AuditRecorder()): apply(workspace(load_platform(Path(sys.argv[1])), 'dev', 'local'))\n"
    )
    command = [sys.executable, "-c", script, str(platform.directory)]
    assert subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 9
    assert len(waiting(dev)) == 1
    infrastructure.apply(dev)
    assert [line[:2] for line in summary(platform)] == [("apply", "failed"), ("apply", "succeeded")]


def test_a_crash_between_recording_and_forgetting_records_nothing_twice(
    platform: Platform, dev: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    infrastructure.apply(dev)
    unlink = Path.unlink

    def crash_on_waiting(file: Path, missing_ok: bool = False) -> None:
        if file.parent.name == "unrecorded":
            raise OSError("the disk went away")
        unlink(file, missing_ok)

    with monkeypatch.context() as crash:
        crash.setattr(Path, "unlink", crash_on_waiting)
        with pytest.raises(InfrastructureNotRecordedError, match="the disk went away"):
            infrastructure.apply(dev)
    assert len(waiting(dev)) == 1
    assert len(summary(platform)) == 2
    infrastructure.apply(dev)
    assert len(summary(platform)) == 3
    assert not waiting(dev)


def test_what_waits_and_was_damaged_is_named(platform: Platform, dev: Workspace) -> None:
    infrastructure.apply(dev)
    damaged = dev.home / "unrecorded" / "0.json"
    damaged.write_text("{", encoding="utf-8")
    with pytest.raises(InfrastructureNotRecordedError, match=r"0\.json holds no waiting events"):
        infrastructure.apply(dev)
    damaged.unlink()
    infrastructure.apply(dev)
    assert len(summary(platform)) == 3


def test_an_act_that_goes_on_is_not_recorded_by_another(platform: Platform, dev: Workspace) -> None:
    """Two applies of one environment: the second finds the first's file and leaves it."""
    infrastructure.apply(dev)
    recorder, again = AuditRecorder(), infrastructure.plan(dev)
    from stack_bootstrap.recorders import InfrastructureAct

    with recorder.infrastructure(InfrastructureAct("apply", dev, again.changes, again.digest)):
        infrastructure.apply(dev)
        assert len(summary(platform)) == 2
    assert [line[1] for line in summary(platform)] == ["succeeded"] * 3


def test_a_simulation_leaves_no_record(platform: Platform, dev: Workspace) -> None:
    import dataclasses

    from stack_bootstrap.recorders import InfrastructureAct

    infrastructure.apply(dev)
    again = infrastructure.plan(dev)
    simulated = dataclasses.replace(dev, simulated=True)
    with AuditRecorder().infrastructure(InfrastructureAct("apply", simulated, again.changes, again.digest)):
        pass
    assert len(summary(platform)) == 1


def test_registration_is_recorded_for_each_stack_with_what_was_written(
    zenml_store: Path, platform: Platform, dev: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    contracts = infrastructure.apply(dev).stacks
    settings = platform.directory

    def register(**more: Any) -> None:
        registration.register_all({"dev": contracts}, settings=settings, **more)

    def told() -> list[Registration]:
        events = [entry.event for entry in open_reader(platform, "dev", cloud="local").entries()]
        return [event for event in events if isinstance(event, Registration)]

    register()
    first = told()
    assert sorted(event.stack for event in first) == STACKS
    assert {event.team for event in first} == {None, "diabetes-care", "oncology"}
    assert all(f"stack/{event.stack}" in event.created and len(event.created) == 5 for event in first)

    register()
    assert all((e.outcome, e.created, e.updated) == ("succeeded", (), ()) for e in told()[3:])

    registration.unregister(platform.environment("dev"), "local", team="oncology", settings=settings)
    (gone,) = told()[6:]
    assert (gone.action, gone.stack, len(gone.deleted)) == ("unregister", "local-oncology-dev", 5)

    from zenml.client import Client

    with monkeypatch.context() as broken:
        broken.setattr(Client, "create_stack", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("no more stacks")))
        with pytest.raises(registration.RegistrationError, match="no more stacks"):
            register()
    failed = [event for event in told()[7:] if event.stack == "local-oncology-dev"]
    assert [(event.outcome, len(event.created)) for event in failed] == [("failed", 4)]
    with key_gone(dev), pytest.raises(InfrastructureNotRecordedError, match="make register ENV=dev"):
        register()
    register()
    (late,) = [event for event in told() if event.created == ("stack/local-oncology-dev",)]
    assert late.outcome == "succeeded"


def test_the_command_line_ends_with_status_one_when_the_record_is_missing(
    platform: Platform, dev: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> int:
        monkeypatch.setenv("GROUNDWORK_ENVIRONMENTS", str(platform.directory))
        monkeypatch.setattr(sys, "argv", ["infrastructure", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(str(ended.value.code))

    monkeypatch.setattr("governance.cli.infrastructure.attached", lambda _: _nothing())  # one is attached already
    assert run("apply", "--env", "dev") == 0
    with key_gone(dev):
        assert run("apply", "--env", "dev") == 1
    assert "is not in the audit log" in capsys.readouterr().err
    assert run("apply", "--env", "dev") == 0
    assert len(summary(platform)) == 3


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def test_apply_loads_neither_zenml_nor_any_other_heavy_library(platform: Platform) -> None:
    heavy = ("zenml", "mlflow", "sklearn", "pandas", "evidently", "boto3", "google.cloud")
    script = (
        "import sys, json; sys.argv = ['x', 'apply', '--env', 'dev', '--json']\n"
        "from governance.cli.infrastructure import main\n"
        "try: main()\n"
        f"finally: print(json.dumps([m for m in {heavy!r} if m in sys.modules]), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env={**os.environ, "GROUNDWORK_ENVIRONMENTS": str(platform.directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1]) == []
    assert len(summary(platform)) == 1


def test_make_targets_that_change_something_go_through_the_recorder() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for target in ("apply", "destroy", "register", "unregister"):
        assert f"\t@$(RUN) governance.cli.infrastructure {target} " in makefile
