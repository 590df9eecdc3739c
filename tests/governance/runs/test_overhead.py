"""What governance costs a run, beside the gates' own computing: measured side by side with the same run ungoverned."""

import time

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
from tests.governance.conftest import CANCER, Ground

PREPARATION_SECONDS = 8.0
"""What reading and joining real data takes at the least; the example's public data are there in no time."""
ALLOWED = 0.10
"""Share of the ungoverned run's time."""
ENOUGH, MOST = 1, 10
"""Pairs of runs. A busy machine only ever makes a run longer, so of each kind the shortest says what it costs."""


@step
def prepare(seconds: float) -> None:
    time.sleep(seconds)


@pipeline(name="training_pipeline", enable_cache=False)
def patient_training(config: ModelConfig, seconds: float) -> None:
    prepare(seconds)
    training_data, validation_data, data_description = data_loader(config=config, after=["prepare"])
    features = feature_engineering(config=config, training_data=training_data)
    model = model_trainer(
        config=config, training_data=training_data, features=features, data_description=data_description
    )
    model_evaluator(model=model, validation_data=validation_data)


OWN_STEPS = {"prepare", "data_loader", "feature_engineering", "model_trainer", "model_evaluator"}


def seconds_of_gates(done: PipelineRunResponse) -> float:
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


def ungoverned(target: Target, seconds: float) -> float:
    began = time.perf_counter()
    with active_stack(target.stack):
        assert patient_training(config=read_config(CANCER), seconds=seconds) is not None
    return time.perf_counter() - began


def governed(target: Target, seconds: float) -> float:
    """Without the gates."""
    began = time.perf_counter()
    done = run(patient_training, RunSession(target), config=read_config(CANCER), seconds=seconds)
    took = time.perf_counter() - began
    assert set(Client().get_pipeline_run(done.id).steps) > OWN_STEPS, "there are gates"
    return took - seconds_of_gates(done)


@pytest.mark.slow
def test_governance_costs_a_tenth_of_a_run_at_most(ground: Ground) -> None:
    dev = ground.target("dev")
    for warm_up in (ungoverned, governed):  # imports are paid once a process
        warm_up(dev, 0)
    plain, with_governance, share = [], [], float("inf")
    while len(plain) < MOST and (len(plain) < ENOUGH or share > ALLOWED):
        plain.append(ungoverned(dev, PREPARATION_SECONDS))
        with_governance.append(governed(dev, PREPARATION_SECONDS))
        share = min(with_governance) / min(plain) - 1
    print(  # noqa: T201 - shown with -s
        f"ungoverned {min(plain):.2f} s, governed without its gates {min(with_governance):.2f} s: {share:+.1%}"
    )
    assert share <= ALLOWED
