"""What orchestrators create for a run carries labels of who pays, in each cloud's alphabet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import load_platform
from governance.core.target import Target, target_for
from governance.cost.alphabet import KUBERNETES
from governance.cost.clouds import CLOUDS
from governance.cost.labels import orchestrator_labels
from tests.conftest import edit_yaml
from tests.governance.conftest import CANCER
from tests.infra.managed_cluster import managed_cluster

RULES = {
    "gcp": re.compile(r"[a-z0-9_-]{0,63}"),
    "aws": re.compile(r"[A-Za-z0-9 _.:/=+@-]{0,256}"),
    "kubernetes": re.compile(r"(([A-Za-z0-9][A-Za-z0-9_.-]{0,61})?[A-Za-z0-9])?"),
}
ALPHABETS = {"kubernetes": KUBERNETES, **{name: cloud.alphabet for name, cloud in CLOUDS.items() if cloud.alphabet}}
every_alphabet = pytest.mark.parametrize("name", ALPHABETS)
PAYS = {"environment", "team", "cost_center", "pipeline", "run", "model"}
RUN = "training_pipeline-production-0123456789ab"


def target(settings: Path, cloud: str, **section: Any) -> Target:
    def choose(raw: dict[str, Any]) -> None:
        raw[cloud].update(section)
        if section["orchestrator"] == "kubernetes":
            raw[cloud]["kubernetes"] = managed_cluster(raw)

    edit_yaml(settings / "production.yaml", choose)
    return target_for(load_platform(settings), CANCER, "production", cloud)


@every_alphabet
@given(value=st.text(min_size=1, max_size=300))
def test_any_value_becomes_one_that_the_cloud_takes(name: str, value: str) -> None:
    made = ALPHABETS[name].value(value)
    assert RULES[name].fullmatch(made)
    assert made
    assert ALPHABETS[name].value(made) == made


@every_alphabet
def test_values_that_differ_stay_different(name: str) -> None:
    values = ["a/b", "a:b", "A-b", "a-b", "x" * 300 + "1", "x" * 300 + "2", "é", "ü"]
    assert len({ALPHABETS[name].value(value) for value in values}) == len(values)


def test_vertex_jobs_are_labelled(settings_directory: Path) -> None:
    from zenml.integrations.gcp.flavors.vertex_orchestrator_flavor import VertexOrchestratorSettings

    made = orchestrator_labels(target(settings_directory, "gcp", orchestrator="vertex"), "training_pipeline", RUN)
    assert list(made) == ["orchestrator.vertex"]
    settings = VertexOrchestratorSettings.model_validate(made["orchestrator.vertex"])
    assert settings.labels["team"] == "oncology"
    assert settings.labels["cost_center"] == "cc-oncology"
    assert settings.labels["run"] == RUN
    assert set(settings.labels) >= PAYS
    assert all(RULES["gcp"].fullmatch(value) for value in settings.labels.values())


def test_sagemaker_jobs_and_pipelines_are_tagged(settings_directory: Path) -> None:
    from zenml.integrations.aws.flavors.sagemaker_orchestrator_flavor import SagemakerOrchestratorSettings
    from zenml.integrations.aws.flavors.sagemaker_step_operator_flavor import SagemakerStepOperatorSettings

    chosen = target(settings_directory, "aws", orchestrator="sagemaker", step_operator="sagemaker")
    made = orchestrator_labels(chosen, "training_pipeline", RUN)
    settings = SagemakerOrchestratorSettings.model_validate(made["orchestrator.sagemaker"])
    assert settings.tags == settings.pipeline_tags
    assert set(settings.tags) >= PAYS
    operator = SagemakerStepOperatorSettings.model_validate(made["step_operator.sagemaker"])
    assert {"Key": "team", "Value": "oncology"} in operator.estimator_args["tags"]


def test_pods_on_kubernetes_are_labelled(settings_directory: Path) -> None:
    from zenml.integrations.kubernetes.flavors.kubernetes_orchestrator_flavor import KubernetesOrchestratorSettings

    made = orchestrator_labels(target(settings_directory, "gcp", orchestrator="kubernetes"), "training_pipeline", RUN)
    settings = KubernetesOrchestratorSettings.model_validate(made["orchestrator.kubernetes"])
    assert settings.pod_settings is not None
    assert settings.orchestrator_pod_settings is not None
    assert set(settings.pod_settings.labels) >= PAYS
    assert all(RULES["kubernetes"].fullmatch(value) for value in settings.pod_settings.labels.values())


def test_this_machine_and_orchestrators_without_labels_get_no_settings(settings_directory: Path) -> None:
    platform = load_platform(settings_directory)
    assert orchestrator_labels(target_for(platform, CANCER, "dev"), "training_pipeline") == {}
    own = orchestrator_labels(target_for(platform, CANCER, "dev", "kubernetes"), "training_pipeline", RUN)
    assert own["orchestrator.kubernetes"]["pod_settings"]["labels"]["team"] == "oncology"
    assert orchestrator_labels(target(settings_directory, "azure", orchestrator="azureml"), "training_pipeline") == {}


def test_a_run_adds_its_name_to_the_labels_and_keeps_other_settings(settings_directory: Path) -> None:
    """As ``govern`` and ``run`` do it, one after the other."""
    from pipelines.training import training_pipeline

    chosen = target(settings_directory, "gcp", orchestrator="vertex")
    governed = training_pipeline.with_options(
        settings={"docker": {"dockerfile": "x"}, **orchestrator_labels(chosen, "training_pipeline")}
    )
    started = governed.with_options(settings=orchestrator_labels(chosen, "training_pipeline", RUN))
    settings = started.configuration.settings
    assert settings["docker"].model_dump()["dockerfile"] == "x"
    labels = settings["orchestrator.vertex"].model_dump()["labels"]
    assert labels["run"] == RUN
    assert labels["pipeline"] == "training_pipeline"
