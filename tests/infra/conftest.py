"""How infrastructure is recorded by pytest-terraform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.infra.aws.recording import sanitise

if TYPE_CHECKING:
    from pytest_terraform.tf import TerraformStateJson


def pytest_terraform_modify_state(tfstate: TerraformStateJson) -> None:
    """Leave nothing sensitive in a recording."""
    tfstate.update_dict(sanitise(tfstate.dict))
