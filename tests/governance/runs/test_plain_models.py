"""Models in plain Python: from training to a batch in production, or refused before anything starts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import pandas as pd
import pytest
from rich.console import Console
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from zenml import pipeline, step
from zenml.client import Client

from governance.demo.config import Place
from governance.demo.lifecycle import bring_to_production
from governance.demo.progress import DemoProgress
from governance.evidence_pack.pack import write_pack
from governance.registry.loading import release_in_use
from governance.registry.sign_trained import is_signed
from governance.report.collect import collect
from governance.report.render import render
from governance.runs import jobs
from governance.runs.errors import UngovernedPipelineError
from governance.runs.evidence import outputs_of, verdicts_of
from governance.runs.pipelines import PipelineMissingError, training_parameters
from governance.runs.run import run
from governance.runs.session import RunSession
from pipelines.config import ModelConfig, Pipelines, read_config
from pipelines.data import load_training_sets
from pipelines.model import read_model
from pipelines.onnx_models import OnnxModel
from pipelines.steps import data_loader, model_evaluator
from tests.governance.conftest import CANCER, Ground
from tests.pipelines.test_own_types import NAME as OWN_TRANSFORMER
from tests.pipelines.test_own_types import team as team  # a fixture

features = list(read_config(CANCER).features.columns)
target = "label"


@step
def train_model(data: pd.DataFrame) -> Annotated[ClassifierMixin, "model"]:
    """Just train the model - no wrappers, no boilerplate"""
    model = RandomForestClassifier(random_state=0)
    model.fit(data[features], data[target])
    return model


@step
def own_reader(model: ClassifierMixin, data: pd.DataFrame) -> Annotated[float, "own_figure"]:
    """Look at the model as the step that fitted it returned it."""
    assert isinstance(model, RandomForestClassifier)
    return float(model.predict_proba(data[features]).sum())


@pipeline(name="training_pipeline", enable_cache=False)
def training(config: ModelConfig) -> None:
    data, validation, _ = data_loader(config=config)
    model = train_model(data)
    own_reader(model, validation)
    model_evaluator(model=model, validation_data=validation)


@step
def dictionary_trainer(data: pd.DataFrame) -> Annotated[dict[str, float], "model"]:
    return {}


@step
def other_classifier(data: pd.DataFrame) -> Annotated[ClassifierMixin, "classifier"]:
    raise NotImplementedError


@step
def forest_reader(model: RandomForestClassifier) -> None:
    raise NotImplementedError


@step
def score_evaluator(model: ClassifierMixin, data: pd.DataFrame) -> Annotated[float, "evaluation"]:
    raise NotImplementedError


@step
def own_loader() -> tuple[Annotated[pd.DataFrame, "training_data"], Annotated[pd.DataFrame, "validation_data"]]:
    return pd.DataFrame(), pd.DataFrame()


@pipeline
def model_is_a_dictionary(config: ModelConfig) -> None:
    data, validation, _ = data_loader(config=config)
    model_evaluator(model=dictionary_trainer(data), validation_data=validation)


@step
def scaling_trainer(data: pd.DataFrame) -> Annotated[ClassifierMixin, "model"]:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return model.fit(data[features], data[target])  # type: ignore[return-value]


@pipeline
def model_is_no_classifier_to_zenml(config: ModelConfig) -> None:
    data, validation, _ = data_loader(config=config)
    model_evaluator(model=scaling_trainer(data), validation_data=validation)


@pipeline
def model_by_another_name(config: ModelConfig) -> None:
    data, validation, _ = data_loader(config=config)
    model_evaluator(model=other_classifier(data), validation_data=validation)


@pipeline
def model_taken_as_what_it_is_not(config: ModelConfig) -> None:
    data, validation, _ = data_loader(config=config)
    model = train_model(data)
    forest_reader(model)
    model_evaluator(model=model, validation_data=validation)


@pipeline
def evaluation_is_a_number(config: ModelConfig) -> None:
    data, validation, _ = data_loader(config=config)
    score_evaluator(train_model(data), validation)


@pipeline
def data_without_description() -> None:
    data, validation = own_loader()
    model_evaluator(model=train_model(data), validation_data=validation)


@pipeline(name="training_pipeline")
def takes_what_nobody_gives(config: ModelConfig, speed: int) -> None:
    raise NotImplementedError


@step
def onnx_trainer(data: pd.DataFrame) -> Annotated[OnnxModel, "model"]:
    """Fit as another library would, and export."""
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(data[features].to_numpy("float32"), data[target])
    inputs = [("inputs", FloatTensorType([None, len(features)]))]
    return OnnxModel(to_onnx(fitted, initial_types=inputs, options={id(fitted): {"zipmap": False}}))


@pipeline(name="training_pipeline", enable_cache=False)
def onnx_training(config: ModelConfig) -> None:
    data, validation, _ = data_loader(config=config)
    model = onnx_trainer(data)
    model_evaluator(model=model, validation_data=validation)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModelConfig]:
    """Let the model's config name a training pipeline, or change otherwise."""

    def _use(training_pipeline: Any = None, **changes: Any) -> ModelConfig:
        if training_pipeline is not None:
            changes |= {"estimator": None, "pipelines": Pipelines(training="pipelines.teams.own:training")}
            module = SimpleNamespace(training=training_pipeline)
            monkeypatch.setitem(sys.modules, "pipelines.teams.own", module)
        config = ModelConfig.model_validate(read_config(CANCER).model_dump() | changes)
        monkeypatch.setattr("governance.runs.session.read_config", lambda _: config)
        monkeypatch.setattr("governance.runs.trackers.mlflow.read_config", lambda _: config)
        return config

    return _use


@pytest.mark.parametrize(
    ("pipeline_", "words"),
    [
        (
            model_is_a_dictionary,
            r"the output 'model' of dictionary_trainer is of type dict.*ClassifierMixin, \"model\"",
        ),
        (
            model_is_no_classifier_to_zenml,
            r"scaling_trainer names ClassifierMixin .* returns a Pipeline, .* Write Annotated\[BaseEstimator, ",
        ),
        (model_by_another_name, "'model' for the gate"),
        (
            model_taken_as_what_it_is_not,
            "forest_reader takes the model as RandomForestClassifier. Let its 'model' be a TrainedModel or Class",
        ),
        (evaluation_is_a_number, "'evaluation' of score_evaluator is of type float, and gates judge a"),
        (data_without_description, "train_model returns a model, and no step puts out 'data_description'"),
    ],
)
def test_what_a_pipeline_lacks_is_refused_by_name_before_it_starts(ground: Ground, pipeline_: Any, words: str) -> None:
    before = Client().list_pipeline_runs().total
    session = RunSession(ground.target("dev"))
    with pytest.raises(UngovernedPipelineError, match=words):
        run(pipeline_, session, **training_parameters(pipeline_, session.config))
    assert Client().list_pipeline_runs().total == before


def test_preprocessing_that_a_step_of_ones_own_would_ignore_is_refused(ground: Ground, use: Any) -> None:
    features = read_config(CANCER).features.model_dump()
    step = {"type": "sklearn.preprocessing.StandardScaler"}
    use(training, features={**features, "preprocessing": [step]})
    with pytest.raises(UngovernedPipelineError, match=r"fits the model by itself, so features\.preprocessing of"):
        jobs.preview_training(ground.target("dev"))


def test_pipeline_that_takes_what_nobody_gives_is_refused_by_name(ground: Ground, use: Any) -> None:
    use(takes_what_nobody_gives)
    with pytest.raises(PipelineMissingError, match="it takes 'speed', and is called with config"):
        jobs.preview_training(ground.target("dev"))


def test_dry_run_shows_the_steps_of_a_pipeline_in_plain_python(ground: Ground, use: Any) -> None:
    use(training)
    steps = jobs.preview_training(ground.target("dev"))
    assert {"data_loader", "train_model", "model_evaluator", "validate_model_performance"} <= set(steps)


def test_model_in_onnx_is_judged_signed_and_tracked(ground: Ground, use: Any) -> None:
    use(onnx_training)
    trained = jobs.train(ground.target("dev"))
    assert trained.status.is_successful
    assert {verdict.verdict for verdict in verdicts_of(trained)} == {"passed"}
    assert "mlflow_run_id" in trained.run_metadata
    model = outputs_of(trained)["model"].load()
    assert model.signature.estimator["type"] == "ONNX"
    dev = ground.target("dev")
    assert trained.model_version is not None
    assert is_signed(dev, trained.model_version, RunSession(dev).journal)


_OWN = {"numeric": features, "preprocessing": [{"type": OWN_TRANSFORMER, "parameters": {"factor": 0.5}}]}
_XGBOOST = {"type": "xgboost.XGBClassifier", "parameters": {"n_estimators": 50, "max_depth": 2}}
_STACK = {
    "type": "sklearn.ensemble.StackingClassifier",
    "parameters": {
        "estimators": [["linear", {"type": "logistic_regression"}], ["boosted", _XGBOOST]],
        "final_estimator": {"type": "logistic_regression"},
        "cv": 2,
    },
}
_CALIBRATED = {"type": "sklearn.calibration.CalibratedClassifierCV", "parameters": {"estimator": _STACK, "cv": 2}}


@pytest.mark.slow
@pytest.mark.usefixtures("team")
@pytest.mark.parametrize(
    ("changes", "estimator"),
    [
        ({"training_pipeline": training}, "sklearn.ensemble.RandomForestClassifier"),
        ({"estimator": _XGBOOST, "features": _OWN}, "xgboost.XGBClassifier"),
        ({"estimator": _CALIBRATED}, "sklearn.calibration.CalibratedClassifierCV"),
    ],
    ids=["plain Python", "XGBoost behind an own transformer", "calibrated stack"],
)
def test_model_goes_from_training_to_a_batch_in_production(
    ground: Ground, use: Any, tmp_path: Path, changes: dict[str, Any], estimator: str
) -> None:
    use(**changes)
    production = ground.target("production")
    Place().signers(production)
    ground.apply_settings()  # which say who the signers are
    bring_to_production(ground.platform, CANCER, DemoProgress(Console(quiet=True)), Place())
    release = release_in_use(production, RunSession(production).journal)
    model = read_model(Path(release.uri), release.digest)
    assert model.signature.estimator["type"] == estimator
    assert list(model.signature.own_types) == [OWN_TRANSFORMER] * ("features" in changes)
    if "training_pipeline" in changes:
        assert "RandomForestClassifier" in render(collect(production))
        assert write_pack(production, tmp_path / "evidence.zip").file.is_file()
    rows = load_training_sets(read_config(CANCER)).validation
    assert 0.9 < ((model.predict_probability(rows) > 0.5) == rows["label"]).mean() < 1
