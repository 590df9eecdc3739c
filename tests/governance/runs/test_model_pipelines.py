"""A model may bring pipelines of its own; one that evidence could not be found by is refused, in words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import ValidationError
from zenml import pipeline

import pipelines
from governance.runs.pipelines import PipelineMissingError, batch_inference_of, training_of
from pipelines.batch_inference import batch_inference_pipeline
from pipelines.config import ModelConfig, Pipelines, read_config
from pipelines.functions import FunctionMissingError
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


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A team's modules of functions, one of which cannot be imported."""
    (tmp_path / "torn.py").write_text("def cost(truth predicted):\n    return 0.0\n")
    (tmp_path / "costs.py").write_text("def cost(truth):\n    return 0.0\n\n\nnumber = 1\n")
    for module in ("pipelines.torn", "pipelines.costs"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(pipelines, "__path__", [*pipelines.__path__, str(tmp_path)])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"metric": "pipelines.nowhere:cost"}, r"metrics: own: .*cannot be imported: ModuleNotFoundError: .*nowhere"),
        ({"metric": "pipelines.torn:cost"}, r"cannot be imported: SyntaxError: .*torn\.py, line 1"),
        ({"metric": "pipelines.costs:price"}, "pipelines.costs has no function 'price'"),
        ({"metric": "pipelines.costs:number"}, "pipelines.costs has no function 'number'"),
        ({"metric": "pipelines.costs:cost"}, r"takes \(truth\), and is called with truth and predictions"),
        ({"split": "pipelines.costs:halves"}, r"split.function: pipelines.costs:halves: .*has no function 'halves'"),
    ],
)
@pytest.mark.usefixtures("functions")
def test_a_function_that_cannot_be_used_is_refused_before_anything_runs(
    config: ModelConfig, given: dict[str, str], words: str
) -> None:
    changed = config.model_dump()
    if "metric" in given:
        changed["metrics"] = {"own": {"function": given["metric"], "better": "lower"}}
    else:
        changed["split"] = {"method": "function", "function": given["split"]}
    with pytest.raises(FunctionMissingError, match=words):
        training_of(ModelConfig.model_validate(changed))


@pytest.mark.parametrize(
    "path", ["governance.runs.jobs:train", "os:system", "pipelines:x.y", "pipelines.training", "pipelines..a:b"]
)
def test_only_what_is_in_this_package_can_be_named(path: str) -> None:
    with pytest.raises(ValidationError, match="should match pattern"):
        Pipelines(training=path)
