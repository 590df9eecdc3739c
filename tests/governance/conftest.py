"""A laid ground: three environments applied by Terraform and registered in ZenML, as `make apply register` does it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from environments import Platform, load_platform
from governance.audit import current_identity
from governance.core.target import Target, target_for
from governance.signing.people import principal_of
from governance.signing.signatories import Signatory, demo_key
from tests.conftest import copy_settings

CANCER = "breast_cancer_classifier"
DIABETES = "diabetes_progression_classifier"
TRAINER = "trainer@example.com"
"""Who runs the tests, and so whoever trains in them."""


@dataclass(frozen=True)
class Ground:
    """Where a test's environments are."""

    settings: Path

    @property
    def platform(self) -> Platform:
        """The settings as they are now; a test may have changed them."""
        return load_platform(self.settings)

    def target(self, environment: str, model: str = CANCER) -> Target:
        return target_for(self.platform, model, environment)

    def signatory(self, email: str, *names: str) -> Signatory:
        """Somebody with an SSH key made on the spot, whom this ground declares."""
        return demo_key(self.target("production"), email, *names)


def lay(folder: Path) -> Ground:
    """Apply and register all three environments below ``folder``, in the ZenML store in use."""
    from stack_bootstrap.infrastructure import apply
    from stack_bootstrap.registration import register_all
    from stack_bootstrap.workspace import workspace

    ground = Ground(copy_settings(folder))
    platform = ground.platform
    register_all({name: apply(workspace(platform, name, "local")).stacks for name in platform.environments})
    ground.signatory(TRAINER, principal_of(current_identity()))
    return ground


@pytest.fixture(scope="module")
def ground(module_zenml_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """One ground for a module's tests."""
    return lay(tmp_path_factory.mktemp("ground"))


@pytest.fixture
def fresh_ground(zenml_store: Path, tmp_path: Path) -> Ground:
    """A ground of this test's own."""
    return lay(tmp_path)
