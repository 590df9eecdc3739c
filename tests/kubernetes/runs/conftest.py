"""One platform on a real cluster for all tests of runs there, and one training that several of them look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.infra.aws.cloud import require_provider
from tests.kubernetes.api import Api
from tests.kubernetes.runs import world as worlds

ASKED = {
    "model_trainer": {
        "cpu": 0.5,
        "memory": "1Gi",
        "deadline_minutes": 30,
        "placement": {
            "node_selector": {"kubernetes.io/hostname": "node"},
            "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}],
            "annotations": {"example.com/ticket": "42"},
        },
    }
}
"""What the steps of the training below ask for."""


@pytest.fixture(scope="session")
def world(api: Api, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[worlds.World]:
    """A platform whose environments run in namespaces of the cluster that may be worked on."""
    require_provider()
    if not worlds.PYTHON.is_file():
        pytest.skip("no packages of Kubernetes: make setup CLOUD=kubernetes")
    folder = tmp_path_factory.mktemp("world")
    training_image = worlds.image_at_hand() or worlds.build_image(folder / "image")
    with worlds.world(folder, api, training_image) as made:
        yield made


@pytest.fixture(scope="session")
def trained(world: worlds.World) -> worlds.Trained:
    """A training in pods, whose steps ask for something."""
    with world.config(ASKED):
        told = world.governance("train").ended_well()
    return worlds.Trained(world.newest_run()[0], told.version, told.out)
