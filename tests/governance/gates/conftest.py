"""Limits that are easy to work out by hand, and made-up people with models of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from environments import Gates, Thresholds, load_platform
from governance.core.requirements import Requirements
from governance.gates.context import GateContext
from governance.gates.scored import Scored
from governance.gates.synthetic import SyntheticData, make_synthetic_data
from pipelines.config import ModelConfig, Target, Task
from pipelines.tasks.binary import BinaryScorer

CONTEXT = GateContext(model="m_x", environment="production", policy_version="policy-0123456789abcdef")


def gates(**changes: Any) -> Gates:
    """The committed settings of production; ``changes`` replace keys, ``fairness__x`` those of a part."""
    raw = load_platform().environment("production").gates.model_dump()
    for key, value in changes.items():
        part, _, name = key.rpartition("__")
        (raw[part] if part else raw)[name] = value
    return Gates.model_validate(raw)


def scored(truth: Any, probability: Any, frame: pd.DataFrame | None = None, threshold: float = 0.5) -> Scored:
    """Rows as a model of risk that gives these probabilities scores them."""
    likely = np.asarray(probability, dtype=float)
    return Scored(
        frame=pd.DataFrame({"x": likely}) if frame is None else frame,
        task="binary",
        scorer=BinaryScorer(np.asarray(truth), likely, threshold),
        data_digest="ab" * 32,
        model_digest="cd" * 32,
    )


def requirements(environment: str = "production", task: Task = "binary", **thresholds: float) -> Requirements:
    """What the committed settings ask of the controls' model; ``thresholds``, if any, in place of theirs."""
    config = ModelConfig.model_construct(
        model="control_classifier", task=task, metrics={}, target=Target(column="y", meaning="x")
    )
    settings = load_platform().environment(environment)
    if thresholds:
        settings = settings.model_copy(update={"thresholds": Thresholds(**thresholds), "model_thresholds": {}})
    return Requirements.of(settings, config)


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> SyntheticData:
    return make_synthetic_data(tmp_path_factory.mktemp("made-up"), rows=3000)
