"""``OFFLINE=1``: nothing real is touched, and every summary line says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from environments import load_platform
from stack_bootstrap import infrastructure, offline
from stack_bootstrap.offline import OfflineError
from stack_bootstrap.plans import PlanFileError
from stack_bootstrap.terraform import Terraform
from stack_bootstrap.workspace import workspace
from tests.conftest import REPOSITORY
from tests.infra.offline.simulated import simulated_workspace


def command(settings: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """``python -m stack_bootstrap`` as make runs it."""
    environment = {**os.environ, "OFFLINE": "1", "GROUNDWORK_ENVIRONMENTS": str(settings), **variables}
    return subprocess.run(
        [sys.executable, "-m", "stack_bootstrap", *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_line_of_the_summary_says_that_it_is_a_simulation(settings_directory: Path) -> None:
    done = command(settings_directory, "apply", "--env", "dev", "--cloud", "gcp")
    assert done.returncode == 0, done.stderr
    summary = [line for line in done.stdout.splitlines() if line.startswith("dev on gcp")]
    assert summary
    assert all("(simulation)" in line for line in summary)
    shown = command(settings_directory, "output", "--env", "dev", "--cloud", "gcp")
    assert shown.returncode == 0, shown.stderr
    assert all("(simulation)" in line for line in shown.stdout.splitlines())
    refused = command(settings_directory, "register", "--env", "dev", "--cloud", "gcp")
    assert refused.returncode == 1
    assert "simulation" in refused.stderr


def test_a_run_leaves_real_state_and_the_root_itself_alone(settings_directory: Path, tmp_path: Path) -> None:
    platform = load_platform(settings_directory)
    real, simulated = workspace(platform, "staging", "gcp"), simulated_workspace(settings_directory, "staging")
    before = sorted((REPOSITORY / "infra" / "roots" / "gcp").iterdir())
    infrastructure.apply(simulated)
    assert sorted((REPOSITORY / "infra" / "roots" / "gcp").iterdir()) == before
    assert not real.simulated
    assert simulated.simulated
    assert "path" not in real.backend
    assert set(simulated.backend) == {"path"}
    apart = tmp_path / "ground" / "offline" / "gcp" / "staging"
    for place in (simulated.home, simulated.data, simulated.root, simulated.state_file, simulated.plan_file):
        assert place is not None
        assert place.is_relative_to(apart)
    assert not real.home.is_relative_to(apart)


def test_terraform_sees_no_account_and_no_registry(settings_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "ARM_CLIENT_SECRET", "TF_CLI_ARGS_plan"):
        monkeypatch.setenv(name, "real")
    where = simulated_workspace(settings_directory, "dev")
    seen = Terraform(where)._environment()
    assert "real" not in seen.values()
    assert where.configuration is not None
    assert seen["TF_CLI_CONFIG_FILE"] == str(where.configuration)
    text = where.configuration.read_text(encoding="utf-8")
    assert "filesystem_mirror" in text
    assert "direct" not in text


def test_a_plan_made_offline_is_not_applied_for_real(settings_directory: Path) -> None:
    where = simulated_workspace(settings_directory, "dev")
    made = infrastructure.plan(where)
    real = replace(where, simulated=False)
    with pytest.raises(PlanFileError, match="was made offline and cannot be used in a real run"):
        infrastructure.apply(real, plan_file=made.plan_file)


def test_a_root_that_changed_is_copied_again(settings_directory: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(REPOSITORY / "infra" / "roots", checkout / "infra" / "roots")
    (checkout / ".tools").symlink_to(REPOSITORY / ".tools")
    source = checkout / "infra" / "roots" / "gcp"
    (source / "extra.tf").write_text("locals { extra = 1 }\n", encoding="utf-8")
    (source / ".terraform.lock.hcl").write_text("# of the real providers\n", encoding="utf-8")
    ground = tmp_path / "ground"
    run = offline.prepare("gcp", "dev", ground=ground, checkout=checkout)
    assert (run.root / "extra.tf").exists()
    assert not (run.root / ".terraform.lock.hcl").exists()
    (source / "extra.tf").unlink()
    (run.root / ".terraform.lock.hcl").write_text("# of another mirror\n", encoding="utf-8")
    (run.root / "offline_override.tf").write_text("# of another mirror\n", encoding="utf-8")
    offline.prepare("gcp", "dev", ground=ground, checkout=checkout)
    assert not (run.root / "extra.tf").exists()
    assert not (run.root / ".terraform.lock.hcl").exists()


def test_a_root_that_does_not_say_whether_it_is_simulated_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "infra" / "roots" / "gcp"
    root.mkdir(parents=True)
    (root / "main.tf").write_text("locals {}\n", encoding="utf-8")
    with pytest.raises(OfflineError, match="declare 'simulated = false'"):
        offline.prepare("gcp", "dev", ground=tmp_path, checkout=tmp_path)


def test_the_local_cloud_and_unclear_wishes_are_refused(
    settings_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLINE", "1")
    with pytest.raises(OfflineError, match="CLOUD=local needs no network"):
        workspace(load_platform(settings_directory), "dev", "local")
    monkeypatch.setenv("OFFLINE", "perhaps")
    with pytest.raises(OfflineError, match="OFFLINE=perhaps means nothing"):
        offline.requested()
    for value, wanted in (("", False), ("0", False), ("1", True), ("TRUE", True)):
        monkeypatch.setenv("OFFLINE", value)
        assert offline.requested() is wanted
