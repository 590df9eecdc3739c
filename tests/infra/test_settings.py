"""Terraform and Python read the same settings: the same names, labels and defaults come out of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from environments import PLATFORM, Platform, load_platform, names_for
from environments.names import spell
from tests.conftest import copy_settings, edit_yaml
from tests.infra.offline.simulated import Directory, directory

CLOUDS = ("aws", "gcp", "local")
ENVIRONMENTS = ("dev", "staging", "production")


def call(settings: Path, cloud: str, environment: str) -> str:
    name = f"{cloud}_{environment}"
    return f"""
module "{name}" {{
  source      = "../../modules/shared/settings"
  cloud       = "{cloud}"
  environment = "{environment}"
  settings    = "{settings}"
}}

output "{name}" {{
  value = module.{name}
}}
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    settings = copy_settings(tmp_path_factory.mktemp("settings"))
    edit_yaml(
        settings / "dev.yaml", lambda raw: [raw[cloud].update(secrets={"api-key": 0}) for cloud in ("aws", "gcp")]
    )
    edit_yaml(settings / "dev.yaml", lambda raw: raw["gcp"].update(network={"cidr": "10.64.0.0/16"}))
    edit_yaml(settings / "teams" / "diabetes-care.yaml", lambda raw: raw["environments"].pop("staging"))
    return load_platform(settings)


@pytest.fixture(scope="module")
def read(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Outputs of the module by cloud and environment, from one run of Terraform."""
    text = "".join(call(platform.directory, cloud, name) for cloud in CLOUDS for name in ENVIRONMENTS)
    here = directory(tmp_path_factory.mktemp("read"), text)
    return {name: it["value"] for name, it in here.plan()["planned_values"]["outputs"].items()}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_names_are_those_that_python_spells(
    cloud: str, environment: str, read: dict[str, Any], platform: Platform
) -> None:
    found, prefix = read[f"{cloud}_{environment}"], platform.environment(environment).prefix
    present = {team.team for team in platform.teams.values() if environment in team.environments}
    assert set(found["teams"]) == present | {PLATFORM}
    for team, about in found["teams"].items():
        names = names_for(team, environment, cloud, prefix)
        spelt = {
            key: about["names"][key] for key in ("artifact_store", "client", "folder", "registry", "stack", "workload")
        }
        assert spelt == {key: getattr(names, key) for key in spelt}
        assert about["labels"]["zenml_stack"] == about["own_labels"]["zenml_stack"] == names.stack
    shared = names_for(PLATFORM, environment, cloud, prefix)
    assert found["names"]["audit_store"] == shared.audit_store
    assert found["names"]["state"] == spell("state", prefix=prefix, environment=environment)
    assert found["names"]["identities"]["plan"] == spell("ci", environment=environment, key="plan")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_what_is_left_out_has_the_models_default(
    cloud: str, environment: str, read: dict[str, Any], platform: Platform
) -> None:
    model, found = platform.environment(environment), read[f"{cloud}_{environment}"]
    section = getattr(model, cloud)
    assert found["cloud"] == json.loads(section.model_dump_json())
    assert found["environment"]["budget"] == json.loads(model.budget.model_dump_json())
    assert found["environment"]["protected"] == model.protected


def test_a_secret_has_a_name_for_each_team(read: dict[str, Any]) -> None:
    assert read["gcp_dev"]["teams"]["oncology"]["names"]["secrets"] == {"api-key": "oncology-dev-api-key"}
    assert read["gcp_staging"]["teams"]["oncology"]["names"]["secrets"] == {}


@pytest.mark.parametrize(
    ("cloud", "environment", "pattern", "says"),
    [
        ("gcp", "dev", "${team}-${enviroment}", "enviroment"),
        ("oracle", "dev", None, "dev.yaml has no section 'oracle'"),
        ("gcp", "qa", None, "name an environment that has a file"),
    ],
)
def test_what_does_not_fit_is_refused(
    cloud: str, environment: str, pattern: str | None, says: str, settings_directory: Path, tmp_path: Path
) -> None:
    if pattern:
        edit_yaml(settings_directory / "names.yaml", lambda raw: raw.update(registry=pattern))
    here: Directory = directory(tmp_path, call(settings_directory, cloud, environment))
    done = here.run("plan", "-input=false", "-no-color")
    assert done.returncode == 1
    assert says in " ".join(done.stderr.split())


def test_python_refuses_a_pattern_that_names_what_there_is_not() -> None:
    with pytest.raises(KeyError, match="team"):
        spell("registry", environment="dev")
