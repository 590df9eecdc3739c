"""Every module for Google Cloud: its README's example plans as its inventory says, and its own tests pass."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.infra.offline import inventory
from tests.infra.offline.simulated import Directory, directory, resources

MODULES = sorted(folder.name for folder in (REPOSITORY / "infra/modules/gcp").iterdir())

PROVIDERS = """
terraform {
  required_providers {
    google = { source = "hashicorp/google" }
  }
}

provider "google" {
  project = "acme-ml-dev"
  region  = "europe-west1"
}
"""


def example(module: str) -> str:
    """The HCL of a module's README."""
    text = (REPOSITORY / "infra/modules/gcp" / module / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```hcl\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 1, f"{module}/README.md has one example"
    return str(blocks[0])


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """One plan of all examples together: each is a module call of its own."""
    text = PROVIDERS + "\n".join(example(module) for module in MODULES)
    return resources(directory(tmp_path_factory.mktemp("examples"), text).plan())


@pytest.mark.xdist_group("gcp_modules")
@pytest.mark.parametrize("module", MODULES)
def test_the_readmes_example_plans_as_its_inventory_says(module: str, planned: dict[str, dict[str, Any]]) -> None:
    labels = re.findall(r'^module "(\w+)"', example(module), re.MULTILINE)
    assert len(labels) == 1, f"{module}/README.md calls the module once"
    mine = {address: one for address, one in planned.items() if address.startswith(f"module.{labels[0]}.")}
    inventory.check(mine, REPOSITORY / "infra/modules/gcp" / module / "tests" / "example.yaml")


@pytest.mark.parametrize("module", MODULES)
def test_the_modules_own_tests_pass(module: str, tmp_path: Path) -> None:
    made = directory(tmp_path, "", initialised=False)
    copy = tmp_path / module
    shutil.copytree(REPOSITORY / "infra/modules/gcp" / module, copy, ignore=shutil.ignore_patterns(".terraform*"))
    here = Directory(copy, made.configuration).init()
    here.must("test", "-no-color")


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_the_usual_parts_in_order(module: str) -> None:
    folder = REPOSITORY / "infra/modules/gcp" / module
    assert {"main.tf", "outputs.tf", "variables.tf", "versions.tf", "README.md"} <= {f.name for f in folder.iterdir()}
    for file, kind in (("variables.tf", "variable"), ("outputs.tf", "output")):
        names = re.findall(rf'^{kind} "(\w+)"', (folder / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert names == sorted(names), f"{module}/{file}: in alphabetical order"
        assert names
    for text in (folder / file).read_text(encoding="utf-8").split("\n}\n"):
        assert not text.strip() or "description" in text, f"{module}: every variable and output says what it is"
