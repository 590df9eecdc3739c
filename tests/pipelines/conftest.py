"""A small data set with every kind of column, and a model trained on it without ZenML."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.config import ModelConfig
from pipelines.data import TrainingSets, load_training_sets
from pipelines.features import fit_features
from pipelines.model import TrainedModel, read_model, save_model, train_model


def make_patients(rows: int = 400, seed: int = 5) -> pd.DataFrame:
    """Risk rises with ``dose`` and for ward B; ``code`` and ``smoker`` are noise, and some doses are missing."""
    random = np.random.default_rng(seed)
    dose = random.normal(50, 12, rows)
    ward = random.choice(["A", "B", "C"], rows)
    odds = (dose - 50) / 6 + np.where(ward == "B", 1.5, 0)
    frame = pd.DataFrame(
        {
            "patient": [f"p{number:06d}" for number in range(rows)],
            "dose": dose,
            "visits": random.integers(0, 9, rows),
            "ward": ward,
            "code": random.choice([1, 2, 3], rows),
            "smoker": random.random(rows) < 0.3,
            "age": random.integers(20, 90, rows),
            "outcome": np.where(random.random(rows) < 1 / (1 + np.exp(-odds)), "ill", "well"),
        }
    )
    frame.loc[frame.index % 17 == 0, "dose"] = np.nan
    return frame


def config_of(source: Path | str | dict[str, Any], **changes: Any) -> ModelConfig:
    """The config of a model on :func:`make_patients`; ``changes`` replace keys."""
    raw: dict[str, Any] = {
        "model": "illness_classifier",
        "description": "Illness of made-up patients.",
        "source": source if isinstance(source, dict) else str(source),
        "target": {"column": "outcome", "meaning": "is ill", "risk_values": ["ill"]},
        "id_column": "patient",
        "features": {"numeric": ["dose", "visits"], "categorical": ["ward", "code", "smoker"]},
        "sensitive": [{"column": "age", "bands": [55]}],
        "estimator": {"type": "logistic_regression"},
    }
    return ModelConfig.model_validate({**raw, **changes})


def train(config: ModelConfig) -> tuple[TrainedModel, TrainingSets]:
    """Train as the pipeline does."""
    sets = load_training_sets(config)
    features = fit_features(config.features, sets.training)
    return train_model(config, sets.description, sets.training, features, sets.validation), sets


@pytest.fixture(scope="session")
def patients() -> pd.DataFrame:
    return make_patients()


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory, patients: pd.DataFrame) -> Path:
    file = tmp_path_factory.mktemp("patients") / "patients.parquet"
    patients.to_parquet(file, index=False)
    return file


@pytest.fixture(scope="session")
def config(source: Path) -> ModelConfig:
    return config_of(source)


@pytest.fixture(scope="session")
def saved(config: ModelConfig, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, TrainingSets]:
    """Folder and digest of a trained model, and the data it was trained on."""
    model, sets = train(config)
    folder = tmp_path_factory.mktemp("model") / "illness"
    return folder, save_model(model, folder), sets


@pytest.fixture(scope="session")
def model(saved: tuple[Path, str, TrainingSets]) -> TrainedModel:
    return read_model(saved[0], saved[1])


@pytest.fixture
def write(tmp_path: Path, patients: pd.DataFrame) -> Callable[..., Path]:
    """Write a batch for inference; keyword arguments replace columns (None drops one)."""

    def _write(name: str = "batch.parquet", **changes: Any) -> Path:
        frame = patients.drop(columns=["outcome", "age"])
        for column, value in changes.items():
            frame = frame.drop(columns=column) if value is None else frame.assign(**{column: value})
        file = tmp_path / name
        if name.endswith(".csv"):
            frame.to_csv(file, index=False)
        else:
            frame.to_parquet(file, index=False)
        return file

    return _write
