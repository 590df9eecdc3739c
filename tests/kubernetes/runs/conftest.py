"""One ground on a real cluster for all tests of runs there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes.conftest import VARIABLE
from tests.kubernetes.runs import world as worlds


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[worlds.World]:
    """A ground whose dev runs in a namespace of the cluster that may be worked on."""
    admin = os.environ.get(VARIABLE)
    if not admin or not Path(admin).is_file():
        pytest.skip(f"a cluster is needed: {VARIABLE} names no kubeconfig of one that may be worked on")
    asked = subprocess.run(
        ["kubectl", "--kubeconfig", admin, "get", "nodes"], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        pytest.skip(f"a cluster is needed: {asked.stderr.strip()[-200:]}")
    if not worlds.PYTHON.is_file():
        pytest.skip("no packages of Kubernetes: make setup CLOUD=kubernetes")
    folder = tmp_path_factory.mktemp("world")
    image = worlds.image_at_hand() or worlds.build_image(folder / "image")
    with worlds.world(folder, Path(admin), image) as made:
        yield made
