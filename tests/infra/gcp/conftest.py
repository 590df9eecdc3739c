"""Environments on Google Cloud that are applied in the simulation once for all tests of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import copy_settings
from tests.infra.gcp.settings import COMPLETE, ORCHESTRATORS, choose
from tests.infra.offline.simulated import apply_root, plan_root, resources

COMMITTED = "committed"
"""Stands for the orchestrators and everything else as the committed settings have them."""

SHARED = (*(f"staging-{it}" for it in ORCHESTRATORS), "dev-airflow", "production-kubernetes")
"""Environments with everything chosen, each with one orchestrator: more of them would show nothing new."""


@dataclass
class Simulation:
    """Applies, or plans, an environment when a test first asks for it."""

    home: Path
    _settings: dict[str, Path] = field(default_factory=dict)
    _found: dict[str, dict[str, Any]] = field(default_factory=dict)

    def settings(self, orchestrator: str) -> Path:
        """Settings with ``orchestrator`` and everything else chosen. A test that changes them puts them back."""
        if orchestrator not in self._settings:
            folder = self.home / orchestrator
            folder.mkdir()
            made = copy_settings(folder)
            self._settings[orchestrator] = (
                made if orchestrator == COMMITTED else choose(made, orchestrator=orchestrator, **COMPLETE)
            )
        return self._settings[orchestrator]

    def document(self, name: str) -> dict[str, Any]:
        """The state of ``<environment>-<orchestrator>``, or the plan of ``<environment>-committed``."""
        if name not in self._found:
            environment, orchestrator = name.split("-")
            run = plan_root if orchestrator == COMMITTED else apply_root
            self._found[name] = run(self.settings(orchestrator), environment)
        return self._found[name]

    def resources(self, name: str) -> dict[str, dict[str, Any]]:
        """Managed resources of :meth:`document`, by address."""
        return resources(self.document(name))


@pytest.fixture(scope="session")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return Simulation(tmp_path_factory.mktemp("gcp"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker run all that share the simulation."""
    for item in items:
        if "simulation" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("gcp"), append=False)  # before that of its file
