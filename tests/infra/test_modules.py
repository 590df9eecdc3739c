"""Every module: its own tests, its README's example and the habits it shares with the others.

The offline provider answers. One process of Terraform runs the tests of all modules, and one plans all examples:
starting it is what takes time.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.infra.offline import inventory
from tests.infra.offline.simulated import Directory, directory, plan_root, resources

pytestmark = pytest.mark.xdist_group("terraform modules")

ALL = REPOSITORY / "infra" / "modules"
MODULES = sorted(file.parent for file in ALL.glob("*/*/main.tf"))
ROOTS = sorted(file.parent for file in REPOSITORY.glob("infra/roots/*/main.tf"))

PROVIDERS = """
terraform {
  required_providers {
    aws    = { source = "hashicorp/aws" }
    google = { source = "hashicorp/google" }
  }
}

provider "aws" {
  region = "eu-central-1"
}

provider "google" {
  project = "acme-ml-dev"
  region  = "europe-west1"
}
"""


def name(module: Path) -> str:
    """Cloud and name of a module, or the name of a root."""
    return str(module.relative_to(ALL if module.is_relative_to(ALL) else ROOTS[0].parent))


def of_each(*folders: Path) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("module", folders, ids=name)


def example(module: Path) -> str:
    """The HCL of a module's README, under a label of the module's own."""
    blocks = re.findall(r"```hcl\n(.*?)```", (module / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 1, "a README has one example"
    text = str(blocks[0])
    assert f'"../../modules/{name(module)}"' in text, "an example calls the module as a root does"
    calls, count = re.subn(r'^module "\w+"', f'module "{label(module)}"', text, flags=re.MULTILINE)
    assert count == 1, "an example calls the module once"
    return calls


def label(module: Path) -> str:
    return name(module).replace("/", "_")


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Resources of one plan of all examples, by address."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(REPOSITORY / "environments", folder / "environments")
    return resources(directory(folder, PROVIDERS + "\n".join(example(module) for module in MODULES)).plan())


@of_each(*MODULES)
def test_the_readmes_example_plans_as_it_says(module: Path, planned: dict[str, dict[str, Any]]) -> None:
    prefix = f"module.{label(module)}."
    mine = {it.removeprefix(prefix): resource for it, resource in planned.items() if it.startswith(prefix)}
    wanted = re.search(r"^# tftest resources=(\d+)$", example(module), re.MULTILINE)
    assert wanted, "an example ends with '# tftest resources=N'"
    assert len(mine) == int(wanted[1])
    reviewed = module / "tests" / "example.yaml"
    if reviewed.exists():
        inventory.check(mine, reviewed)


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, dict[str, str]]:
    """How each run of each module's tests ended, with what Terraform said of those that did not pass."""
    here = directory(tmp_path_factory.mktemp("tests"), "", initialised=False)
    (here.folder / "tests").mkdir()
    owner = {}
    for module in MODULES:
        for file in module.glob("tests/*.tftest.hcl"):
            copy = here.folder / "tests" / f"{label(module)}_{file.name}"
            owner[f"tests/{copy.name}"] = module
            source = f'  module {{\n    source = "../../modules/{name(module)}"\n  }}\n'
            text = re.sub(r'^(run "\w+" \{\n)', rf"\1{source}", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
            mocked = re.sub(r'"(\.\./)+(aws/)?mocks"', f'"{ALL / "aws" / "mocks"}"', text)
            copy.write_text(mocked, encoding="utf-8")
    return results(here.init(), owner)


def results(here: Directory, owner: dict[str, Path]) -> dict[Path, dict[str, str]]:
    found: dict[Path, dict[str, str]] = defaultdict(dict)
    told = [json.loads(line) for line in here.run("test", "-json").stdout.splitlines()]
    for said in told:
        if said["type"] == "test_run" and said["test_run"]["progress"] == "complete":
            found[owner[said["@testfile"]]][said["@testrun"]] = said["test_run"]["status"]
    for said in told:
        if said["type"] == "diagnostic" and "@testrun" in said:
            text = f"\n{said['diagnostic']['summary']}: {said['diagnostic']['detail']}"
            found[owner[said["@testfile"]]][said["@testrun"]] += text
    return found


@of_each(*MODULES)
def test_the_modules_own_tests_pass(module: Path, tested: dict[Path, dict[str, str]]) -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in module.glob("tests/*.tftest.hcl"))
    written = re.findall(r'^run "(\w+)"', text, re.MULTILINE)
    assert written
    assert tested[module] == dict.fromkeys(written, "pass")


def test_a_test_that_fails_is_seen(tmp_path: Path) -> None:
    here = directory(tmp_path, 'output "it" {\n  value = 1\n}\n')
    (here.folder / "a.tftest.hcl").write_text(
        'run "fails" {\n  assert {\n    condition     = output.it == 2\n    error_message = "It is 1."\n  }\n}\n',
        encoding="utf-8",
    )
    found = results(here, {"a.tftest.hcl": here.folder})
    assert found[here.folder]["fails"] == "fail\nTest assertion failed: It is 1."


@of_each(*MODULES, *ROOTS)
def test_the_readme_lists_every_variable_and_output(module: Path) -> None:
    readme = (module / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# {module.name}\n")
    for kind in ("variable", "output"):
        text = (module / f"{kind}s.tf").read_text(encoding="utf-8")
        names = re.findall(rf'^{kind} "(\w+)"', text, re.MULTILINE)
        assert names
        assert names == sorted(names), "in alphabetical order"
        described = re.findall(rf'^{kind} "(\w+)" \{{\n  description = "((?:[^"\\]|\\.)*)"\n', text, re.MULTILINE)
        assert [it for it, _ in described] == names, "a description comes first"
        rows = [f"| `{it}` | {what} |\n".replace('\\"', '"') for it, what in described]
        assert f"| {kind} | what |\n| --- | --- |\n{''.join(rows)}" in readme
        if kind == "variable":
            assert len(re.findall(r"^  type +=", text, re.MULTILINE)) == len(names)


@of_each(*ROOTS)
def test_the_readmes_command_plans_what_it_says(module: Path, settings_directory: Path) -> None:
    readme = (module / "README.md").read_text(encoding="utf-8")
    wanted = re.search(
        rf"^make plan ENV=dev(?: CLOUD={module.name} OFFLINE=1)?\n# plans (\d+) resources$", readme, re.M
    )
    assert wanted, "a root's example is a command and what it says"
    assert len(resources(plan_root(settings_directory, "dev", module.name))) == int(wanted[1])


@of_each(*MODULES)
def test_modules_have_the_same_files(module: Path) -> None:
    parts = {"README.md", "main.tf", "outputs.tf", "tests", "variables.tf", "versions.tf"}
    assert parts <= {file.name for file in module.iterdir()}


@of_each(*ROOTS)
def test_roots_have_the_same_files(module: Path) -> None:
    parts = {"README.md"} | {
        f"{it}.tf" for it in ("contract", "main", "outputs", "settings", "teams", "variables", "versions")
    }
    if "hashicorp/" in (module / "versions.tf").read_text(encoding="utf-8"):
        parts |= {"providers.tf", ".terraform.lock.hcl"}
    tracked = subprocess.run(["git", "ls-files", module], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert {Path(file).name for file in tracked.stdout.splitlines()} == parts


@of_each(*MODULES, *ROOTS)
def test_a_provider_is_held_to_one_major_version(module: Path) -> None:
    for constraint in re.findall(r'^ +version += "(.*)"', (module / "versions.tf").read_text(encoding="utf-8"), re.M):
        assert re.fullmatch(r"~> \d+\.\d+", constraint), constraint


@pytest.mark.parametrize("script", sorted(ALL.glob("*/*/*.sh")), ids=lambda file: file.name)
def test_scripts_are_plain_sh(script: Path) -> None:
    shell = shutil.which("dash") or "/bin/sh"
    subprocess.run([shell, "-n", script], check=True)
    text = script.read_text(encoding="utf-8")
    assert "set -eu" in text
    assert not re.search(r"\[\[|\bfunction\b|\blocal\b|-mindepth|-maxdepth", text), "not in sh of Linux and macOS"
