"""Terraform against the offline provider, for tests: roots through the workspace, anything else as it stands."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from environments import load_platform
from stack_bootstrap import offline
from stack_bootstrap.terraform import Terraform
from stack_bootstrap.workspace import Workspace, workspace
from tests.conftest import REPOSITORY


@dataclass(frozen=True)
class Directory:
    """A folder of ``.tf`` files in which Terraform runs against the offline provider."""

    folder: Path
    configuration: Path

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one command; the caller looks at its status."""
        environment = {
            **offline.without_accounts(os.environ),
            "TF_CLI_CONFIG_FILE": str(self.configuration),
            "TF_IN_AUTOMATION": "1",
            **variables,
        }
        return subprocess.run(
            ["terraform", *command], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def must(self, *command: str, **variables: str) -> str:
        """Standard output of a command that has to succeed."""
        done = self.run(*command, **variables)
        assert done.returncode == 0, f"terraform {' '.join(command)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def init(self) -> Directory:
        """Initialise, and return this."""
        self.must("init", "-input=false", "-no-color")
        return self

    def plan(self, *options: str, **variables: str) -> dict[str, Any]:
        """A plan, as Terraform's JSON."""
        self.must("plan", "-input=false", "-no-color", "-out=plan", *options, **variables)
        loaded: dict[str, Any] = json.loads(self.must("show", "-json", "plan"))
        return loaded

    def state(self) -> dict[str, Any]:
        """The state, as Terraform's JSON."""
        loaded: dict[str, Any] = json.loads(self.must("show", "-json"))
        return loaded


def directory(folder: Path, text: str, *, initialised: bool = True) -> Directory:
    """``folder`` with ``text`` as its ``main.tf``, beside a link to the project's modules where a root would see it."""
    root = folder / "infra" / "roots" / "test"
    root.mkdir(parents=True, exist_ok=True)
    modules = folder / "infra" / "modules"
    if not modules.is_symlink():
        modules.symlink_to(REPOSITORY / "infra" / "modules", target_is_directory=True)
    (root / "main.tf").write_text(text, encoding="utf-8")
    made = Directory(root, offline.cli_configuration(folder / "offline"))
    return made.init() if initialised else made


def simulated_workspace(settings: Path, environment: str, cloud: str = "gcp") -> Workspace:
    """The offline workspace of ``environment`` on ``cloud``; the local cloud needs no simulation."""
    if cloud == "local":
        return workspace(load_platform(settings), environment, cloud)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(offline.VARIABLE, "1")
        return workspace(load_platform(settings), environment, cloud)


def plan_root(settings: Path, environment: str, cloud: str = "gcp") -> dict[str, Any]:
    """The plan of a whole environment from nothing, as Terraform's JSON."""
    where = simulated_workspace(settings, environment, cloud)
    terraform = Terraform(where)
    terraform.plan(where.plan_file)
    return terraform.show(where.plan_file)


def apply_root(settings: Path, environment: str, cloud: str = "gcp") -> dict[str, Any]:
    """The state of a whole environment after an apply, as Terraform's JSON."""
    where = simulated_workspace(settings, environment, cloud)
    terraform = Terraform(where)
    terraform.plan(where.plan_file)
    terraform.apply(where.plan_file)
    assert where.state_file is not None
    return terraform.show(where.state_file)


def resources(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every managed resource of a plan or state, by address: its type and values."""
    root = document.get("planned_values", document.get("values", {})).get("root_module", {})
    found: dict[str, dict[str, Any]] = {}

    def walk(module: dict[str, Any]) -> None:
        for resource in module.get("resources", []):
            if resource["mode"] == "managed":
                found[resource["address"]] = resource
        for child in module.get("child_modules", []):
            walk(child)

    walk(root)
    return found
