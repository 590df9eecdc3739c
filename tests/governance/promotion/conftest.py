"""Three trained versions in a ground of the module's own; tests move them into staging and out of it."""

from __future__ import annotations

import pytest

from governance.registry.versions import staged_version
from governance.runs import jobs
from tests.governance.conftest import Ground

ASKS, AGREES = "grace@example.com", "edsger@example.com"


def in_use(ground: Ground, environment: str = "staging") -> str | None:
    version = staged_version(ground.target(environment))
    return None if version is None else str(version.number)


@pytest.fixture(scope="module")
def trained(ground: Ground) -> Ground:
    """Versions 1, 2 and 3, trained in dev and in no other environment."""
    for _ in range(3):
        jobs.train(ground.target("dev"))
    return ground
