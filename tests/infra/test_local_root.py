"""The local root: its contract is the schema's, and bad input is refused with what to do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest

from stack_bootstrap.contract_schema import FILE
from stack_bootstrap.infrastructure import apply
from stack_bootstrap.terraform import Terraform, TerraformError
from tests.conftest import REPOSITORY
from tests.stack_bootstrap.local_cloud import local_workspace

ROOT = REPOSITORY / "infra" / "roots" / "local"


@pytest.mark.parametrize("environment", ["dev", "staging", "production"])
def test_the_output_passes_the_contracts_schema(environment: str, settings_directory: Path) -> None:
    where = local_workspace(settings_directory, environment)
    apply(where)
    stacks = Terraform(where).output("stacks")
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(stacks)
    assert {contract["environment"] for contract in stacks.values()} == {environment}
    assert {contract["cloud"] for contract in stacks.values()} == {"local"}


def test_the_schema_refuses_a_contract_that_lost_a_part(settings_directory: Path) -> None:
    where = local_workspace(settings_directory)
    apply(where)
    stacks = Terraform(where).output("stacks")
    del stacks["oncology"]["cost"]["budget"]
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    with pytest.raises(jsonschema.ValidationError, match="budget"):
        jsonschema.Draft202012Validator(schema).validate(stacks)


def test_components_are_what_zenmls_own_flavors_take(settings_directory: Path) -> None:
    from zenml.artifact_stores.local_artifact_store import LocalArtifactStoreConfig
    from zenml.integrations.mlflow.flavors.mlflow_experiment_tracker_flavor import MLFlowExperimentTrackerConfig
    from zenml.integrations.mlflow.flavors.mlflow_model_registry_flavor import MLFlowModelRegistryConfig
    from zenml.orchestrators.local.local_orchestrator import LocalOrchestratorConfig

    flavors = {
        ("artifact_store", "local"): LocalArtifactStoreConfig,
        ("experiment_tracker", "mlflow"): MLFlowExperimentTrackerConfig,
        ("model_registry", "mlflow"): MLFlowModelRegistryConfig,
        ("orchestrator", "local"): LocalOrchestratorConfig,
    }
    for contract in apply(local_workspace(settings_directory)).stacks.values():
        found = {(kind, component.flavor) for kind, component in contract.components.items()}
        assert found == set(flavors)
        for kind, component in contract.components.items():
            flavor = flavors[kind, component.flavor]
            assert set(component.configuration) <= set(flavor.model_fields)
            flavor(**component.configuration)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("environment", "qa", "name an environment that has a file"),
        ("ground", "relative/ground", "ground must be an absolute path"),
        ("ground", "/", "ground must be an absolute path"),
        ("ground", "/tmp/what?", "may hold no '?'"),
        ("settings", "environments", "settings must be the absolute path"),
        ("settings", "/nowhere", "settings must be the absolute path"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(variable: str, value: str, says: str, settings_directory: Path) -> None:
    import dataclasses

    where = local_workspace(settings_directory)
    spoilt = dataclasses.replace(where, variables={**where.variables, variable: value})
    with pytest.raises(TerraformError) as raised:
        Terraform(spoilt).plan(spoilt.plan_file)
    assert says in " ".join(raised.value.text.split())


def test_terraform_files_are_formatted() -> None:
    for folder in (ROOT, REPOSITORY / "infra/modules/local", REPOSITORY / "infra/modules/shared"):
        done = subprocess.run(
            ["terraform", "fmt", "-check", "-recursive", "-diff", folder], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout
