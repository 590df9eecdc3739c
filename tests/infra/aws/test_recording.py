"""Contracts of AWS from a recording: these run where there is no Terraform, no provider and no server.

``GROUNDWORK_RECORD=1`` writes the recording anew from what the real provider applied.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from pytest_terraform import terraform
from pytest_terraform.tf import TerraformState, TerraformTestApi

from stack_bootstrap.contract import StackContract, parse_stacks
from tests.infra.aws.conftest import SECRET, Applied
from tests.infra.aws.recording import FOLDER, sanitise

pytestmark = pytest.mark.xdist_group("aws")

RECORDING = FOLDER / "production" / "tf_resources.json"


@pytest.fixture
def contracts(production: TerraformTestApi) -> dict[str, StackContract]:
    return parse_stacks(production.outputs["stacks"]["value"], source="the recording")


@terraform("production", scope="session", replay=True)
def test_a_contract_stands_for_every_team_and_the_platform(contracts: dict[str, StackContract]) -> None:
    assert set(contracts) == {"diabetes-care", "oncology", "platform"}
    assert {contract.cloud for contract in contracts.values()} == {"aws"}
    assert contracts["platform"].stack.name == "production"


@terraform("production", scope="session", replay=True)
def test_secrets_are_references_only(contracts: dict[str, StackContract]) -> None:
    for team, contract in contracts.items():
        reference = contract.secrets["registry-token"].reference
        assert reference.startswith(f"arn:aws:secretsmanager:eu-central-1:333333333333:secret:{team}-production-")


@terraform("production", scope="session", replay=True)
def test_connectors_hold_no_key_of_their_own(contracts: dict[str, StackContract]) -> None:
    for team, contract in contracts.items():
        for connector in contract.connectors.values():
            assert connector.auth_method == "implicit"
            assert connector.configuration == {
                "region": "eu-central-1",
                "role_arn": f"arn:aws:iam::333333333333:role/{team}-production-cl",
            }


@terraform("production", scope="session", replay=True)
def test_zenml_accepts_every_components_configuration(contracts: dict[str, StackContract]) -> None:
    from zenml.integrations.aws.flavors import (
        AWSContainerRegistryFlavor,
        SagemakerOrchestratorFlavor,
    )
    from zenml.integrations.s3.flavors import S3ArtifactStoreFlavor

    flavors = {
        "artifact_store": S3ArtifactStoreFlavor,
        "container_registry": AWSContainerRegistryFlavor,
        "orchestrator": SagemakerOrchestratorFlavor,
    }
    for contract in contracts.values():
        for kind, flavor in flavors.items():
            component = contract.components[kind]  # type: ignore[index]
            assert component.flavor == flavor().name
            config_class: Any = flavor().config_class
            unknown = set(component.configuration) - set(config_class.model_fields)
            assert not unknown
            config_class(**component.configuration)


def test_the_recording_is_what_the_real_provider_applies(
    applied: dict[str, Applied], request: pytest.FixtureRequest
) -> None:
    recorded = TerraformState.from_string(json.dumps(applied["production"].ground.state())).export()
    request.config.hook.pytest_terraform_modify_state(tfstate=recorded)
    text = json.dumps(recorded.dict, indent=2, sort_keys=True) + "\n"
    if os.environ.get("GROUNDWORK_RECORD"):
        RECORDING.write_text(text, encoding="utf-8")
    assert RECORDING.read_text(encoding="utf-8") == text, "run this test with GROUNDWORK_RECORD=1 and review the change"


def test_nothing_sensitive_is_left_in_a_recording() -> None:
    for file in FOLDER.glob("*/tf_resources.json"):
        text = file.read_text(encoding="utf-8")
        recorded = json.loads(text)
        assert recorded["resources"] == {}
        assert not any(output.get("sensitive") for output in recorded["outputs"].values())
        assert SECRET not in text
        assert sanitise(recorded) == recorded


def test_recording_drops_sensitive_outputs_and_every_attribute() -> None:
    raw = {
        "pytest-terraform": 1,
        "outputs": {"open": {"value": "sg-0123456789abcdef0"}, "closed": {"value": SECRET, "sensitive": True}},
        "resources": {"aws_secretsmanager_secret_version": {"this": {"secret_string": SECRET}}},
    }
    assert sanitise(raw) == {
        "pytest-terraform": 1,
        "outputs": {"open": {"value": "sg-00000000000000000"}},
        "resources": {},
    }
