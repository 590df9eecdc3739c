"""What workflows ask: which environments and models a change concerns, and whom to become."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from environments import SettingsError, load_platform
from stack_bootstrap.__main__ import main
from stack_bootstrap.ci_identity import ci_identity
from stack_bootstrap.infrastructure import InfrastructureError
from stack_bootstrap.touched import changed_files, touched
from tests.conftest import REPOSITORY, edit_yaml

ALL = ("dev", "staging", "production")


@pytest.mark.parametrize(
    ("path", "environments"),
    [
        ("environments/staging.yaml", ("staging",)),
        ("environments/teams/oncology.yaml", ALL),
        ("environments/names.yaml", ALL),
        ("environments/model.py", ALL),
        ("infra/modules/aws/bucket/main.tf", ALL),
        ("infra/roots/aws/.terraform.lock.hcl", ALL),
        ("infra/modules/aws/bucket/README.md", ()),
        ("infra/modules/aws/bucket/tests/plan.tftest.hcl", ()),
        ("stack_bootstrap/contract.py", ALL),
        ("governance/audit/log.py", ()),
        ("README.md", ()),
    ],
)
def test_which_environments_a_file_concerns(path: str, environments: tuple[str, ...]) -> None:
    assert touched([path], load_platform()).environments == environments


def test_which_models_a_file_concerns() -> None:
    platform = load_platform()
    every = tuple(model for team in platform.teams.values() for model in team.models)
    assert len(every) >= 2
    assert touched([f"pipelines/configs/{every[0]}.yaml"], platform).models == (every[0],)
    assert touched(["pipelines/training.py"], platform).models == every
    assert touched(["requirements.lock"], platform).models == every
    assert touched(["pipelines/configs/gone_classifier.yaml"], platform).models == every
    assert touched(["environments/dev.yaml"], platform).models == ()


def test_moved_files_count_at_both_places(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
            check=True,
            capture_output=True,
        )

    git("init", "-q")
    (tmp_path / "a b.txt").write_text("same", encoding="utf-8")
    git("add", ".")
    git("commit", "-qm", "one")
    git("mv", "a b.txt", "c.txt")
    git("commit", "-qm", "two")
    assert sorted(changed_files("HEAD~1", tmp_path)) == ["a b.txt", "c.txt"]
    with pytest.raises(InfrastructureError, match="Name a commit that this checkout has"):
        changed_files("--output=x", tmp_path)


def test_an_identity_is_the_one_that_terraform_makes(settings_directory: Path) -> None:
    with pytest.raises(SettingsError, match=r"dev\.yaml: aws\.github is not set"):
        ci_identity(load_platform(settings_directory).environment("dev"), "aws", "plan")
    repository = {"owner": "acme", "name": "groundwork", "owner_id": 1, "repository_id": 2}
    for cloud in ("aws", "gcp"):
        edit_yaml(settings_directory / "dev.yaml", lambda raw, cloud=cloud: raw[cloud].update(github=repository))
    dev = load_platform(settings_directory).environment("dev")
    assert ci_identity(dev, "local", "plan") == {"cloud": "local"}
    assert ci_identity(dev, "aws", "apply")["role"] == "arn:aws:iam::111111111111:role/dev-apply"
    assert ci_identity(dev, "gcp", "plan")["service_account"] == "dev-plan@acme-ml-dev.iam.gserviceaccount.com"
    with pytest.raises(SettingsError, match=r"azure\.github"):
        ci_identity(dev, "azure", "plan")


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """``main`` with arguments, in this process: status, output, errors."""

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["stack_bootstrap", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capfd.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    monkeypatch.chdir(REPOSITORY)
    before = signal.getsignal(signal.SIGTERM)
    yield command
    signal.signal(signal.SIGTERM, before)


def test_what_plan_printed_is_what_apply_expects(
    run: Run, settings_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUNDWORK_ENVIRONMENTS", str(settings_directory))
    printed = tmp_path / "plan.json"
    printed.write_text(run("plan", "--env", "dev", "--env", "staging", "--json")[1], encoding="utf-8")
    edit_yaml(settings_directory / "staging.yaml", lambda raw: raw["labels"].update(cost_center="cc-risk"))
    assert run("apply", "--env", "dev", "--expect", str(printed))[0] == 0
    status, _, said = run("apply", "--env", "staging", "--expect", str(printed))
    assert (status, "is not what was reviewed" in said) == (1, True)
    status, _, said = run("apply", "--env", "all", "--expect", str(printed))
    assert (status, "holds no plan of production on local" in said) == (1, True)


def test_the_commands_print_what_a_workflow_reads(run: Run, tmp_path: Path) -> None:
    assert run("touched", "--base", "HEAD") == (0, "environments=[]\nmodels=[]\n", "")
    assert json.loads(run("touched", "--base", "HEAD", "--json")[1]) == {"environments": [], "models": []}
    assert run("identity", "--env", "dev") == (0, "cloud=local\n", "")
    assert json.loads(run("identity", "--env", "dev", "--json")[1]) == {"cloud": "local"}
    status, _, said = run("identity", "--env", "dev", "--role", "admin")
    assert (status, "choose plan or apply" in said) == (1, True)
    (tmp_path / "dev.json").write_text("[]", encoding="utf-8")
    assert run("review", "--plans", str(tmp_path), "--title", "Drift")[1].startswith("<!-- groundwork: drift -->")
