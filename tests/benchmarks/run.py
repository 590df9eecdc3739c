"""What governance costs a run beside the gates' own computing: with and without it, side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from zenml import pipeline, step
from zenml.client import Client
from zenml.models import PipelineRunResponse

from governance.core.stacks import active_stack
from governance.core.target import Target
from governance.runs.run import run
from governance.runs.session import RunSession
from pipelines.config import ModelConfig, read_config
from pipelines.steps import data_loader, feature_engineering, model_evaluator, model_trainer
from tests.benchmarks import Figure, timed
from tests.conftest import use_zenml_home
from tests.governance.conftest import CANCER, lay

PREPARATION_SECONDS = 8.0
"""What reading and joining real data takes at the least; the example's public data are there in no time."""
ALLOWED = 0.10
"""Share of the ungoverned run's time."""
OWN_STEPS = {"prepare", "data_loader", "feature_engineering", "model_trainer", "model_evaluator"}


@step
def prepare(seconds: float) -> None:
    """Take as long as preparing real data."""
    time.sleep(seconds)


@pipeline(name="training_pipeline", enable_cache=False)
def patient_training(config: ModelConfig, seconds: float) -> None:
    """Train on data that takes ``seconds`` to prepare."""
    prepare(seconds)
    training_data, validation_data, data_description = data_loader(config=config, after=["prepare"])
    features = feature_engineering(config=config, training_data=training_data)
    model = model_trainer(
        config=config, training_data=training_data, features=features, data_description=data_description
    )
    model_evaluator(model=model, validation_data=validation_data)


def measure(folder: Path, pairs: int = 2, preparation: float = PREPARATION_SECONDS) -> Iterator[Figure]:
    """Take the shortest of ``pairs`` runs of each kind: a busy machine only ever makes a run longer."""
    with pytest.MonkeyPatch.context() as patch:
        use_zenml_home(patch, folder / "zenml")
        dev = lay(folder).target("dev")
        for warm_up in (_ungoverned, _governed):  # imports are paid once a process
            warm_up(dev, 0)
        plain, governed = [], []
        for _ in range(pairs):
            plain.append(_ungoverned(dev, preparation))
            governed.append(_governed(dev, preparation))
    baseline = min(plain)
    yield Figure("run: governed, without its gates", min(governed), "s", (1 + ALLOWED) * baseline, baseline=baseline)


def _ungoverned(target: Target, seconds: float) -> float:
    with active_stack(target.stack):
        done, took = timed(lambda: patient_training(config=read_config(CANCER), seconds=seconds))
    assert done is not None
    return took


def _governed(target: Target, seconds: float) -> float:
    done, took = timed(lambda: run(patient_training, RunSession(target), config=read_config(CANCER), seconds=seconds))
    done = Client().get_pipeline_run(done.id)
    assert set(done.steps) > OWN_STEPS, "there are gates"
    return took - _seconds_of_gates(done)


def _seconds_of_gates(done: PipelineRunResponse) -> float:
    """Seconds of the steps that the pipeline does not have by itself, which follow each other.

    A step takes from the end of the one before it to its own end: ZenML's work to start it is part of having a gate.
    """
    assert done.start_time is not None
    before, found = done.start_time, 0.0
    for name, one in sorted(done.steps.items(), key=lambda item: item[1].end_time or done.created):
        assert one.end_time is not None
        if name not in OWN_STEPS:
            found += (one.end_time - before).total_seconds()
        before = one.end_time
    return found
