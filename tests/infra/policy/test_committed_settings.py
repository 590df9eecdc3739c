"""The committed settings, planned as a simulation, break no rule: what `OFFLINE=1 make policy` says out of the box."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from environments import SERVER
from stack_bootstrap.policy.checkov import LOCK, TOOLS
from stack_bootstrap.tool_environment import ToolEnvironmentError, tool_environment
from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("policy of the committed settings")]


@pytest.mark.parametrize("cloud", ["aws", "gcp", "kubernetes"])
@pytest.mark.parametrize("environment", ["dev", "production"])
def test_the_committed_settings_break_no_rule(settings_directory: Path, environment: str, cloud: str) -> None:
    _breaks_no_rule(settings_directory, environment, cloud)


def test_the_example_of_a_server_breaks_no_rule(settings_directory: Path) -> None:
    shutil.copy(REPOSITORY / "infra" / "servers" / "server.example.yaml", settings_directory / "server.yaml")
    _breaks_no_rule(settings_directory, SERVER, "gcp")  # on AWS it is applied by the real provider, in tests/infra/aws


def _breaks_no_rule(settings_directory: Path, environment: str, cloud: str) -> None:
    try:
        tool_environment("checkov", LOCK, TOOLS)
    except ToolEnvironmentError as error:
        pytest.skip(f"checkov is needed and cannot be installed: {error}")
    done = subprocess.run(
        [sys.executable, "-m", "stack_bootstrap", "policy", "--env", environment, "--cloud", cloud],
        cwd=REPOSITORY,
        env={**os.environ, "OFFLINE": "1", "GROUNDWORK_ENVIRONMENTS": str(settings_directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"{environment}: 0 broken rules" in done.stdout
