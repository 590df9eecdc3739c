"""A model may bring pipelines of its own; one that evidence could not be found by is refused, in words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from pydantic import ValidationError
from zenml import pipeline

from governance.runs.pipelines import PipelineMissingError, batch_inference_of, training_of
from pipelines.batch_inference import batch_inference_pipeline
from pipelines.config import ModelConfig, Pipelines, read_config
from pipelines.training import training_pipeline


@pytest.fixture
def config() -> ModelConfig:
    return read_config("breast_cancer_classifier")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A team's module of pipelines."""
    module = ModuleType("pipelines.own")

    @pipeline(name="training_pipeline")
    def training(config: ModelConfig) -> None:
        """Nothing yet."""

    @pipeline
    def misnamed(config: ModelConfig) -> None:
        """Nothing yet."""

    module.training, module.misnamed, module.number = training, misnamed, 1  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pipelines.own", module)
    yield module


def naming(config: ModelConfig, training: str) -> ModelConfig:
    return config.model_copy(update={"pipelines": Pipelines(training=training)})


def test_the_shared_pipelines_are_the_default(config: ModelConfig) -> None:
    assert training_of(config) is training_pipeline
    assert batch_inference_of(config) is batch_inference_pipeline


def test_a_pipeline_of_the_teams_own_is_used(config: ModelConfig, own: ModuleType) -> None:
    assert training_of(naming(config, "pipelines.own:training")) is own.training


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("pipelines.nowhere:training", r"breast_cancer_classifier: pipelines.training: .*no module pipelines.nowhere"),
        ("pipelines.own:other", "holds no ZenML pipeline called 'other'"),
        ("pipelines.own:number", "holds no ZenML pipeline called 'number'"),
        ("pipelines.own:misnamed", r"its ZenML name is 'misnamed'.*@pipeline\(name='training_pipeline'\)"),
    ],
)
@pytest.mark.usefixtures("own")
def test_one_that_cannot_be_used_is_refused(config: ModelConfig, path: str, words: str) -> None:
    with pytest.raises(PipelineMissingError, match=words):
        training_of(naming(config, path))


@pytest.mark.parametrize(
    "path", ["governance.runs.jobs:train", "os:system", "pipelines:x.y", "pipelines.training", "pipelines..a:b"]
)
def test_only_what_is_in_this_package_can_be_named(path: str) -> None:
    with pytest.raises(ValidationError, match="should match pattern"):
        Pipelines(training=path)
