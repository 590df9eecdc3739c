"""Modules of the local cloud and those that clouds share: tests, README and habits of each."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

MODULES = [REPOSITORY / "infra/modules/local/team-folders", REPOSITORY / "infra/modules/shared/environment-guard"]
IDS = [module.name for module in MODULES]


def terraform(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["terraform", *arguments], cwd=folder, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("module", MODULES, ids=IDS)
def test_the_modules_own_tests_pass(module: Path, tmp_path: Path) -> None:
    copy = tmp_path / module.name
    shutil.copytree(module, copy)
    terraform(copy, "init", "-no-color")
    said = terraform(copy, "test", "-no-color")
    runs = sum(file.read_text(encoding="utf-8").count("\nrun ") for file in module.glob("tests/*.tftest.hcl"))
    assert runs >= 3
    assert f"Success! {runs} passed, 0 failed." in said


@pytest.mark.parametrize("module", MODULES, ids=IDS)
def test_the_readmes_example_plans_as_it_says(module: Path, tmp_path: Path) -> None:
    readme = (module / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"```hcl\n(.*?)```", readme, re.DOTALL)
    assert examples
    for number, example in enumerate(examples):
        expected = re.search(r"# tftest resources=(\d+)", example)
        assert expected, "an example ends with '# tftest resources=N'"
        folder = tmp_path / str(number)
        folder.mkdir()
        source = f'"./{module.relative_to(REPOSITORY)}"'
        assert source in example
        (folder / "main.tf").write_text(example.replace(source, f'"{module}"'), encoding="utf-8")
        terraform(folder, "init", "-no-color")
        assert f"Plan: {expected[1]} to add, 0 to change, 0 to destroy." in terraform(folder, "plan", "-no-color")


@pytest.mark.parametrize("module", [*MODULES, REPOSITORY / "infra/roots/local"], ids=[*IDS, "root"])
@pytest.mark.parametrize("kind", ["variable", "output"])
def test_variables_and_outputs_are_in_order_described_and_documented(kind: str, module: Path) -> None:
    text = (module / f"{kind}s.tf").read_text(encoding="utf-8")
    names = re.findall(rf'^{kind} "(\w+)"', text, re.MULTILINE)
    assert names
    assert names == sorted(names)
    assert text.count("  description = ") == len(names)
    if kind == "variable":
        assert text.count("  type        = ") == text.count("  nullable    = false") == len(names)
    readme = module / "README.md"
    assert not readme.exists() or all(f"| `{name}` |" in readme.read_text(encoding="utf-8") for name in names)


@pytest.mark.parametrize("script", sorted(REPOSITORY.glob("infra/modules/*/*/*.sh")), ids=lambda file: file.name)
def test_scripts_are_plain_sh(script: Path) -> None:
    shell = shutil.which("dash") or "/bin/sh"
    subprocess.run([shell, "-n", script], check=True)
    text = script.read_text(encoding="utf-8")
    assert "set -eu" in text
    assert not re.search(r"\[\[|\bfunction\b|\blocal\b|-mindepth|-maxdepth", text), "not in sh of Linux and macOS"
