"""What holds for the repository as a whole: its commands, its documents and what must not be in it."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from click.testing import CliRunner

from tests.conftest import REPOSITORY
from tests.workflows.make_targets import COMMAND_LINES, targets


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "-C", str(REPOSITORY), "ls-files", "-z"], capture_output=True, text=True, check=True
    ).stdout
    return [REPOSITORY / name for name in listed.split("\0") if name and (REPOSITORY / name).is_file()]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "-C", str(REPOSITORY), *arguments], capture_output=True, text=True, check=False)


def test_help_lists_every_target_in_its_group() -> None:
    shown = make("help").stdout
    for group in ("Set up", "Infrastructure", "Stacks", "Pipelines", "Models", "Quality"):
        assert f"\n{group}" in shown
    for target in targets():
        assert f"\n  {target} " in shown


@pytest.mark.parametrize("module", COMMAND_LINES.values())
def test_every_command_explains_itself(module: str) -> None:
    program: Any = typer.main.get_command(import_module(module).app)
    for name in [[], *([name] for name in getattr(program, "commands", {}))]:
        done = CliRunner().invoke(program, [*name, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
        assert done.exit_code == 0, done.output
        explanation = done.output.partition("Usage: ")[2].partition("─")[0].splitlines()[1:]
        assert any(line.strip() for line in explanation), f"{module} {name} says nothing of itself"


def test_pre_commit_runs_what_make_lint_runs() -> None:
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert recipe
    said = recipe[1].replace("$(DEV_RUN)", ".venv/bin/python -m").replace("$(DEV)", ".venv/bin")
    (local,) = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [hook["entry"] for hook in local["hooks"]] == [line.strip("\t@") for line in said.splitlines()]
    assert {(hook["language"], hook["pass_filenames"]) for hook in local["hooks"]} == {("system", False)}


def test_light_commands_load_nothing_heavy() -> None:
    heavy = ("zenml", "mlflow", "sklearn", "pandas", "boto3", "matplotlib")
    modules = ("stack_bootstrap.__main__", "governance.cli.app", "pipelines.__main__", "environments.__main__")
    code = f"import sys\nfor m in {modules!r}: __import__(m); print(m, [h for h in {heavy!r} if h in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{module} []" for module in modules]


def test_no_path_of_a_machine_and_no_host_of_a_package_registry_is_in_the_repository() -> None:
    # Spelt in parts, so that this file does not hold what it looks for.
    words = [
        "/" + "work/",
        "/" + "root/",
        "pypi" + ".org",
        "files.python" + "hosted",
        "registry.npm" + "js",
        "deb." + "debian",
    ]
    for file in tracked():
        content = file.read_bytes()
        for word in words:
            assert word.encode() not in content, f"{file.relative_to(REPOSITORY)} holds {word!r}"


def test_no_private_key_or_access_key_is_in_the_repository() -> None:
    private = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40,}")
    access_key = re.compile(rb"\bAKIA(?!IOSFODNN7EXAMPLE)[0-9A-Z]{16}\b")
    for file in tracked():
        content = file.read_bytes()
        assert not private.search(content), file
        assert not access_key.search(content), file


def test_the_lock_names_hashes_and_no_addresses() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    packages = re.findall(r"^[a-z0-9][^\s]*==[^\n]*\\\n(?:\s+--hash=sha256:[0-9a-f]{64}[^\n]*\n)+", lock, re.MULTILINE)
    assert len(packages) == len(re.findall(r"^[a-z0-9][^\s]*==", lock, re.MULTILINE))


def test_folders_import_only_what_stands_left_of_them() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
