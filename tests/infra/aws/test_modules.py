"""Modules of AWS: their own tests, the example in each README, and the habits they share. The provider is mocked."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stack_bootstrap.provider_mirror import cli_configuration
from stack_bootstrap.workspace import MIRROR_VARIABLE
from tests.conftest import REPOSITORY
from tests.infra.aws.cloud import require_provider

pytestmark = pytest.mark.xdist_group("aws-modules")

AWS = REPOSITORY / "infra" / "modules" / "aws"
MODULES = sorted(folder.parent for folder in AWS.glob("*/main.tf"))
IDS = [module.name for module in MODULES]


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all modules, where Terraform may write."""
    copy = tmp_path_factory.mktemp("aws-modules") / AWS.relative_to(REPOSITORY)
    shutil.copytree(AWS, copy)
    return copy


def terraform(folder: Path, *arguments: str) -> str:
    require_provider()
    environment = dict(os.environ)
    if mirror := os.environ.get(MIRROR_VARIABLE):
        configuration = folder / "terraform.rc"
        configuration.write_text(cli_configuration((Path(mirror),)), encoding="utf-8")
        environment["TF_CLI_CONFIG_FILE"] = str(configuration)
    done = subprocess.run(["terraform", *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", IDS)
def test_the_modules_own_tests_pass(name: str, modules: Path) -> None:
    terraform(modules / name, "init", "-no-color", "-input=false")
    said = terraform(modules / name, "test", "-no-color")
    runs = sum(file.read_text(encoding="utf-8").count("\nrun ") for file in (AWS / name).glob("tests/*.tftest.hcl"))
    assert runs >= 1
    assert f"Success! {runs} passed, 0 failed." in said


def test_the_readmes_examples_plan_as_they_say(modules: Path) -> None:
    expected = {}
    text = ""
    for module in MODULES:
        examples = re.findall(r"```hcl\n(.*?)```", (module / "README.md").read_text(encoding="utf-8"), re.DOTALL)
        assert len(examples) == 1
        count = re.search(r"# tftest resources=(\d+)", examples[0])
        name = re.search(r'^module "(\w+)"', examples[0])
        assert count and name, "an example is a module and ends with '# tftest resources=N'"
        assert f'"./{module.relative_to(REPOSITORY)}"' in examples[0]
        expected[name[1]] = int(count[1])
        text += examples[0]
    root = modules.parents[2]
    # All examples in one root, because starting the provider is what takes time.
    (root / "main.tf").write_text(text, encoding="utf-8")
    shutil.copy(AWS / "bucket" / "versions.tf", root)
    (root / "examples.tftest.hcl").write_text(
        f'mock_provider "aws" {{\n  source = "{modules}/mocks"\n}}\n\nrun "examples" {{\n  command = plan\n}}\n',
        encoding="utf-8",
    )
    terraform(root, "init", "-no-color", "-input=false")
    said = [json.loads(line) for line in terraform(root, "test", "-json", "-verbose").splitlines()]
    plan = next(message["test_plan"] for message in said if message["type"] == "test_plan")
    assert planned(plan) == expected


def planned(plan: dict[str, Any]) -> dict[str, int]:
    """How many resources a plan adds to each module of the root."""
    counts: dict[str, int] = {}
    for resource in plan["resource_changes"]:
        if resource.get("mode") == "managed" and resource["change"]["actions"] == ["create"]:
            name = resource["address"].split(".")[1]
            counts[name] = counts.get(name, 0) + 1
    return counts


@pytest.mark.parametrize("module", [*MODULES, REPOSITORY / "infra/roots/aws"], ids=[*IDS, "root"])
@pytest.mark.parametrize("kind", ["variable", "output"])
def test_variables_and_outputs_are_in_order_described_and_documented(kind: str, module: Path) -> None:
    text = (module / f"{kind}s.tf").read_text(encoding="utf-8")
    names = re.findall(rf'^{kind} "(\w+)"', text, re.MULTILINE)
    assert names
    assert names == sorted(names)
    assert len(re.findall(r"^  description += ", text, re.MULTILINE)) == len(names)
    if kind == "variable":
        assert len(re.findall(r"^  type +=", text, re.MULTILINE)) == len(names)
    readme = module / "README.md"
    if module in MODULES:
        assert all(f"| `{name}` |" in readme.read_text(encoding="utf-8") for name in names)


@pytest.mark.parametrize("module", MODULES, ids=IDS)
def test_modules_have_the_same_files(module: Path) -> None:
    held = {file.name for file in module.iterdir()}
    assert {"README.md", "main.tf", "outputs.tf", "tests", "variables.tf", "versions.tf"} <= held
