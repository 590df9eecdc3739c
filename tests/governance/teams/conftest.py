"""A checkout that a test may add teams to, and settings that go with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from environments import Platform, load_platform
from governance.teams.request import NewTeam
from tests.conftest import copy_settings

FRAUD = NewTeam(
    name="fraud-detection",
    owner="lise@example.com",
    cost_center="cc-risk",
    models=("transaction_classifier",),
    approvers=("emmy@example.com",),
)


@dataclass(frozen=True)
class Checkout:
    """A folder that stands for a checkout, with the settings in it."""

    folder: Path

    @property
    def platform(self) -> Platform:
        return load_platform(self.folder / "environments")

    def files(self) -> set[str]:
        """Everything in it but what Terraform and ZenML keep in the ground."""
        ground = ("ground/", ".git/")
        found = (str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        return {name for name in found if not name.startswith(ground)}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    copy_settings(tmp_path)
    return Checkout(tmp_path)


@pytest.fixture
def zenml_as_loud_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave ZenML's handler its stream: the one it would be given is closed when the test ends."""
    monkeypatch.setattr("governance.core.progress.ready_zenml", lambda: None)
