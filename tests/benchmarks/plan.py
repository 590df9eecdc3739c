"""A plan with nothing to change, beside Terraform's own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from environments import load_platform
from stack_bootstrap.infrastructure import apply
from stack_bootstrap.install_terraform import ensure_terraform
from stack_bootstrap.workspace import workspace
from tests.benchmarks import Figure, timed
from tests.conftest import REPOSITORY, copy_settings


def measure(folder: Path, runs: int = 7) -> Iterator[Figure]:
    """Take medians of ``runs`` plans and as many of bare Terraform, in turn."""
    settings = copy_settings(folder)
    where = workspace(load_platform(settings), "dev", "local")
    apply(where)
    bare = [str(ensure_terraform().path), "plan", "-input=false", f"-var-file={where.home / 'variables.tfvars.json'}"]
    plan = [sys.executable, "-m", "stack_bootstrap", "plan", "--env", "dev"]
    in_root = {"cwd": where.root, "env": {**os.environ, "TF_DATA_DIR": str(where.data)}}
    in_checkout = {"cwd": REPOSITORY, "env": {**os.environ, "GROUNDWORK_ENVIRONMENTS": str(settings)}}
    ours, own = [], []
    for _ in range(runs):
        for seconds, command, place in ((ours, plan, in_checkout), (own, bare, in_root)):
            seconds.append(timed(lambda: subprocess.run(command, check=True, capture_output=True, **place))[1])  # noqa: B023 - called at once
    baseline = statistics.median(own)
    yield Figure("plan: nothing to change", statistics.median(ours), "s", baseline + 0.45, baseline=baseline)
